/* What people change, on its way to the server and back: the last value wins, and nothing queues up. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const PAUSE = 40; // milliseconds between two questions
  const CALM = 60; // after a change, the slower parts follow so much later
  const REST = 400; // and while a slider is held, once it has rested for so long
  const PATIENCE = 1500; // after this the answer is taken for lost
  const line = { next: null, asked: 0, isWaiting: false, timer: 0, serial: 0 };

  function send() {
    clearTimeout(line.timer);
    if (!line.next) return;
    const since = performance.now() - line.asked;
    const wait = line.isWaiting ? PATIENCE - since : PAUSE - since;
    if (wait > 0) {
      line.timer = setTimeout(send, wait);
      return;
    }
    line.asked = performance.now();
    line.isWaiting = true;
    line.serial += 1;
    dash_clientside.set_props("change", { data: { ...line.next, serial: line.serial } });
    line.next = null;
  }

  explorer.askChange = function (change) {
    line.next = change;
    send();
  };

  function answered() {
    line.isWaiting = false;
    send();
  }

  explorer.toggle = function (path) {
    dash_clientside.set_props("toggled", { data: { path, at: Date.now() } });
  };

  /* Drawing the graph and the chart and measuring take longer than a step of a slider: they follow when it rests. */
  function settle(preview) {
    explorer.showPreview(preview);
    dash_clientside.set_props("settled", { data: preview.key });
  }

  /* Only the cells that changed, so that a slider under the pointer is left in peace. */
  function fillGrid(preview) {
    const holder = document.getElementById("grid");
    const grid = holder && window.dash_ag_grid && dash_ag_grid.getApi("grid");
    if (!grid) return;
    Object.entries(preview.groups).forEach(([name, [, kept, ratio]]) => {
      const row = grid.getRowNode(name);
      const percent = Math.round(100 * ratio);
      if (!row || (row.data.kept === kept && row.data.percent === percent)) return;
      row.setData({ ...row.data, kept, percent });
    });
  }

  const nothing = () => window.dash_clientside.no_update;

  function systemScheme() {
    return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  /* Anything with data-pick selects a layer or group; anything with data-toggle opens or closes a module. */
  document.addEventListener("click", (event) => {
    const toggled = event.target.closest("[data-toggle]");
    if (toggled) {
      explorer.toggle(toggled.dataset.toggle);
      return;
    }
    const row = event.target.closest("[data-pick]");
    if (!row) return;
    const at = row.dataset.pick.indexOf(":");
    const [kind, name] = [row.dataset.pick.slice(0, at), row.dataset.pick.slice(at + 1)];
    const groups = JSON.parse(row.dataset.groups || "[]");
    dash_clientside.set_props("selection", { data: { kind, name, groups, via: "list" } });
  });

  function typing(target) {
    return target && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "/") {
      event.preventDefault();
      const search = document.getElementById("search");
      if (search) search.focus();
    } else if (event.key === "Escape") {
      dash_clientside.set_props("selection", { data: {} });
    } else if (event.key === "?") {
      dash_clientside.set_props("help-dialog", { opened: true });
    }
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.explorer = {
    highlight(selection, pins) {
      explorer.highlight(selection, pins);
    },
    showPreview(preview, error) {
      answered();
      if (!preview) return;
      fillGrid(preview);
      clearTimeout(line.settling);
      line.settling = setTimeout(() => settle(preview), line.shown ? (explorer.isHeld ? REST : CALM) : 0);
      line.shown = true;
    },
    newModel(source) {
      explorer.newModel(source);
    },
    pin(clicks, selection, pins) {
      if (!clicks || selection.kind !== "group") return nothing();
      const kept = (pins || []).filter((name) => name !== selection.name);
      return kept.length < (pins || []).length ? kept : [...kept, selection.name].slice(0, 8);
    },
    repaint() {
      explorer.repaint();
    },
    view(fit, closer, further) {
      const trigger = window.dash_clientside.callback_context.triggered_id;
      if (trigger === "graph-fit") explorer.fit();
      if (trigger === "graph-in") explorer.zoom(1.25);
      if (trigger === "graph-out") explorer.zoom(0.8);
    },
    every(percent) {
      if (typeof percent === "number") explorer.askChange({ kind: "every", ratio: percent / 100 });
    },
    reset(clicks) {
      if (clicks) explorer.askChange({ kind: "reset" });
    },
    options(importance, roundTo, minimum) {
      const counts = [roundTo, minimum].every((value) => Number.isInteger(value) && value > 0);
      if (counts) explorer.askChange({ kind: "options", importance, round_to: roundTo, minimum });
    },
    typed(change) {
      const edit = Array.isArray(change) ? change[0] : change;
      if (edit) explorer.askChange({ kind: "ratio", group: edit.data.name, ratio: Number(edit.value) / 100 });
    },
    rowPicked(cell) {
      if (!cell || cell.colId === "percent" || cell.colId === "slider") return nothing();
      const name = cell.rowId;
      return { kind: "group", name, groups: [name], via: "grid" };
    },
    scheme(clicks, stored, styles) {
      const before = stored || systemScheme();
      const isClick = window.dash_clientside.callback_context.triggered_id === "theme";
      const scheme = isClick ? (before === "dark" ? "light" : "dark") : before;
      document.documentElement.setAttribute("data-mantine-color-scheme", scheme);
      return [scheme, scheme, styles[scheme]];
    },
  };
})();
