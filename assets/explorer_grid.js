/* The grid of groups: what it shows of the preview, and what is done to the groups that are checked in it. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const STEP = 0.05; // of + and -
  const MOST = 0.99;
  const rows = { checked: [], preview: null, selected: "", asked: "", filter: "" };

  function api() {
    return document.getElementById("grid") && window.dash_ag_grid && dash_ag_grid.getApi("grid");
  }

  const isLocked = (name) => rows.preview.locked.includes(name);

  /* Only the rows that changed, so that a slider under the pointer is left in peace. */
  explorer.fillGrid = function (preview) {
    rows.preview = preview;
    const grid = api();
    if (!grid || !preview) return;
    const [locked, chosen, loose] = ["locked", "chosen", "loose"].map((name) => new Set(preview[name]));
    Object.entries(preview.groups).forEach(([name, [, kept, ratio]]) => {
      const row = grid.getRowNode(name);
      const is = { locked: locked.has(name), chosen: chosen.has(name), loose: loose.has(name) };
      const now = { kept, percent: Math.round(100 * ratio), ...is };
      if (row && Object.keys(now).some((key) => row.data[key] !== now[key])) row.setData({ ...row.data, ...now });
    });
    sayChecked();
  };

  /* The rows of a new model: none is checked, and the column of ties shows where there are any. */
  function showTies(data) {
    const grid = api();
    if (!grid || (data.length && !grid.getRowNode(data[0].name))) {
      setTimeout(showTies, 50, data); // the grid is being made
      return;
    }
    grid.deselectAll();
    grid.setGridOption("quickFilterText", rows.filter);
    grid.setColumnsVisible(["ties"], data.some((row) => row.ties.length > 0));
    if (document.getElementById("grid").clientWidth) grid.sizeColumnsToFit(); // which a grid that is hidden cannot do
    explorer.fillGrid(rows.preview); // which may have changed while the grid was being made
    scrollTo(rows.asked || rows.selected);
  }

  /* Brings the row of a group into sight, and the first one where there is none. */
  function scrollTo(group) {
    const grid = api();
    if (!grid || !grid.getDisplayedRowCount()) return;
    const row = grid.getRowNode(group);
    if (row) grid.ensureNodeVisible(row, "middle");
    else grid.ensureIndexVisible(0, "top");
  }

  /* What a lesson asks about: the name of a group, or nothing. Its grid may take its size in this frame only. */
  explorer.askAbout = function (group) {
    rows.asked = group || "";
    requestAnimationFrame(() => setTimeout(scrollTo, 0, rows.asked));
  };

  /* What the tools above the grid say of the groups: how many are checked, and whether one ratio holds for all. */
  function sayChecked() {
    const { checked, preview } = rows;
    const isMixed = preview !== null && !preview.controls.every && Object.values(preview.groups).some(([, , ratio]) => ratio > 0);
    const areLocked = checked.length > 0 && preview !== null && checked.every(isLocked);
    dash_clientside.set_props("grid-tools", { "data-checked": String(checked.length), "data-mixed": String(isMixed) });
    dash_clientside.set_props("checked-count", { children: checked.length + " checked" });
    dash_clientside.set_props("checked-lock", { children: areLocked ? "Unlock" : "Lock" });
  }

  function ask(kind, more) {
    if (rows.checked.length) explorer.askChange({ kind, groups: rows.checked, ...more });
  }

  /* One step more or less of the selected group; of a group that has just been asked for, from there. */
  function step(by) {
    const [name, known] = [rows.selected, rows.preview && rows.preview.groups[rows.selected]];
    if (!known) return;
    const asked = explorer.unanswered().filter((change) => change.kind === "ratio" && change.group === name).pop();
    const before = asked ? asked.ratio : known[2];
    const steps = Math.round((before / STEP + by) * 1000) / 1000; // from 12 % up to 15, down to 10
    const after = (by > 0 ? Math.floor(steps) : Math.ceil(steps)) * STEP;
    explorer.askChange({ kind: "ratio", group: name, ratio: Math.max(0, Math.min(MOST, Math.round(100 * after) / 100)) });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || explorer.isTyping(event.target)) return;
    if (event.key === "+" || event.key === "-") step(event.key === "+" ? 1 : -1);
    if (event.key === "l" && rows.preview && rows.preview.groups[rows.selected]) {
      explorer.askChange({ kind: "lock", group: rows.selected, locked: !isLocked(rows.selected) });
    }
  });

  /* Enter in a cell of any table does what a click on it does. */
  document.addEventListener("keydown", (event) => {
    const isCell = event.target.matches(".ag-cell:not(.is-editable)");
    if (event.key === "Enter" && isCell) event.target.click();
  });

  window.dash_clientside = window.dash_clientside || {};
  Object.assign((window.dash_clientside.explorer = window.dash_clientside.explorer || {}), {
    filled(data) {
      explorer.filled();
      showTies(data || []);
    },
    groupSelected(selection) {
      rows.selected = selection && selection.kind === "group" ? selection.name : "";
    },
    filterGrid(text) {
      rows.filter = text || "";
      if (api()) api().setGridOption("quickFilterText", rows.filter);
    },
    checked(selected) {
      rows.checked = (selected || []).map((row) => row.name);
      sayChecked();
    },
    setChecked(clicks, percent) {
      if (clicks) ask("percent", { percent: percent === "" ? null : percent });
    },
    scaleChecked(clicks, factor) {
      if (clicks) ask("scale", { factor });
    },
    resetChecked(clicks) {
      if (clicks) ask("reset");
    },
    lockChecked(clicks) {
      if (clicks) ask("lock", { locked: !rows.checked.every(isLocked) });
    },
    uncheck(clicks) {
      if (clicks && api()) api().deselectAll();
    },
    preset(...given) {
      const { triggered_id } = window.dash_clientside.callback_context;
      if (!triggered_id || !given.slice(0, -1).some((at) => at > 0)) return;
      explorer.askChange({ kind: "preset", name: triggered_id.name, ratio: given.at(-1) / 100 });
      dash_clientside.set_props("presets-menu", { opened: false });
    },
    target(at, cost, percent, ranking) {
      if (!(at > 0)) return;
      const wanted = { fraction: typeof percent === "number" ? percent / 100 : percent, ranking };
      dash_clientside.set_props("presets-menu", { opened: false });
      if (cost === "latency") dash_clientside.set_props("latency-wanted", { data: { ...wanted, at } });
      else explorer.askChange({ kind: "target", cost, ...wanted });
    },
    reset(clicks) {
      if (clicks) explorer.askChange({ kind: "reset" });
    },
    typed(change) {
      const edit = Array.isArray(change) ? change[0] : change;
      if (edit) explorer.askChange({ kind: "percent", group: edit.data.name, percent: edit.value ?? null });
    },
    rowPicked(cell) {
      const { no_update } = window.dash_clientside;
      if (!cell || !["name", "kind", "members", "kept"].includes(cell.colId)) return no_update;
      return { kind: "group", name: cell.rowId, groups: [cell.rowId], via: "grid" };
    },
  });
})();
