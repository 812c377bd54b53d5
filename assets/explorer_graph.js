/* The live graph: what is highlighted and what a tap means. Elements come from the server and are never read back; the
   classes and texts that change often are set here, on the cytoscape object itself. explorer_view.js moves the view. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const SLOTS = 8;
  const LETTERS = "ABCDEFGH";
  const SIGN = 22; // pixels of the model around the sign that opens or closes a module
  const state = (explorer.graph = { selection: {}, pins: [], preview: null, cy: null });

  explorer.cy = function () {
    const holder = document.getElementById("graph");
    const found = holder && holder._cyreg && holder._cyreg.cy;
    if (found && found !== state.cy) {
      state.cy = window.explorerCy = found;
      explorer.quicken(found);
      listen(found);
    }
    return state.cy;
  };

  /* Which group has which hue: pinned groups first, then the selected ones. */
  explorer.slots = function (selection, pins) {
    const names = [...new Set([...(pins || []), ...((selection && selection.groups) || [])])];
    return new Map(names.slice(0, SLOTS).map((name, slot) => [name, slot]));
  };
  explorer.slotOf = (group) => explorer.slots(state.selection, state.pins).get(group);
  explorer.letter = (slot) => LETTERS[slot];
  explorer.isSelected = (group) => state.selection.kind === "group" && state.selection.name === group;

  /* "16", or "16 → 8" once channels are to go; a flattened port holds several indices per channel. */
  function sizeTexts(data) {
    const counts = data.groups.length === 1 && state.preview && state.preview.groups[data.groups[0]];
    if (!counts || counts[0] === counts[1]) return [data.size];
    const after = Math.round((Number(data.size) * counts[1]) / counts[0]);
    return [data.size + " → " + after, "→" + after];
  }

  /* The longest text that has room on a band, with the letter of its group where it is highlighted. */
  function portText(data, letter) {
    const texts = [...sizeTexts(data).map((text) => (letter + " " + text).trim()), letter];
    return texts.find((text) => text.length <= data.room) ?? letter;
  }

  function setText(port, slot) {
    const data = port.data();
    const [label, badge] = [portText(data, ""), portText(data, slot === undefined ? "" : LETTERS[slot])];
    if (data.label !== label) port.data("label", label);
    if (data.badge !== badge) port.data("badge", badge);
  }

  function mark(element, slots, isFocused) {
    const groups = element.data("groups") || [];
    const group = groups.find((name) => slots.has(name));
    const slot = group === undefined ? undefined : slots.get(group);
    const wanted = slot === undefined ? "" : "group-" + slot;
    const before = element.scratch("_explorer") || "";
    if (before && before !== wanted) element.removeClass(before);
    if (wanted && !element.hasClass(wanted)) element.addClass(wanted); // new elements take the classes of old ones away
    if (before !== wanted) element.scratch("_explorer", wanted);
    const isPort = element.hasClass("port");
    if (isPort) setText(element, slot);
    const isCovered = element.hasClass("module") || (isPort && element.parent().hasClass("dim")); // bands fade with their layer
    const isDim = isFocused && slot === undefined && !isCovered;
    if (element.hasClass("dim") !== isDim) element.toggleClass("dim", isDim);
  }

  function paint() {
    const cy = explorer.cy();
    if (!cy) return;
    const slots = explorer.slots(state.selection, state.pins);
    const { kind, name, pair } = state.selection;
    const isPicked = (node) =>
      kind === "group" ? Boolean(pair) && pair.includes(node.data("name")) : node.data("name") === name && explorer.isOf(node, kind);
    cy.batch(() => {
      cy.elements().forEach((element) => mark(element, slots, slots.size > 0));
      cy.nodes(".layer, .op, .fold, .module").forEach((node) => node.toggleClass("picked", isPicked(node)));
      explorer.paintShades(cy, state.preview);
    });
  }

  /* A module and a layer may have one name: the module is open or closed, the layer is in it. */
  explorer.isOf = (node, kind) => (kind === "module") === (node.hasClass("module") || node.hasClass("fold"));

  /* The legend speaks of one colour, or of several. */
  function paintLegend() {
    const several = explorer.slots(state.selection, state.pins).size > 1;
    document.querySelectorAll(".graph-foot .legend").forEach((legend) => legend.classList.toggle("is-several", several));
  }

  /* Rows of the tree and of the list of groups follow the same selection. */
  function paintLists() {
    const slots = explorer.slots(state.selection, state.pins);
    document.querySelectorAll("[data-pick]").forEach((row) => {
      const isPicked = row.dataset.pick === state.selection.kind + ":" + state.selection.name;
      row.classList.toggle("is-picked", isPicked);
      if (isPicked) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    });
    document.querySelectorAll("[data-badge]").forEach((badge) => {
      const slot = slots.get(badge.dataset.badge);
      badge.className = slot === undefined ? "badge is-empty" : "badge hue-" + slot;
      badge.textContent = slot === undefined ? "" : LETTERS[slot];
    });
  }

  function paintGrid() {
    const grid = window.dash_ag_grid && document.getElementById("grid") && dash_ag_grid.getApi("grid");
    if (!grid) return;
    grid.refreshCells({ columns: ["name"], force: true });
    const [first] = state.selection.groups || [];
    const row = first && grid.getRowNode(first);
    if (row && state.selection.via !== "grid") grid.ensureNodeVisible(row, "middle");
  }

  let waiting = 0;
  function paintSoon() {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => {
      paint();
      paintLegend();
      paintLists();
      explorer.scrollLists(state.selection);
      explorer.reveal();
    });
  }

  const afterPainting = (act) => requestAnimationFrame(() => setTimeout(act));

  /* At once here, so that keys pressed one after the other find each other's result; for everybody once it can be seen. */
  explorer.select = function (selection) {
    state.selection = { ...selection };
    paintSoon();
    afterPainting(() => dash_clientside.set_props("selection", { data: selection }));
  };

  /* What selecting a drawn box means. */
  explorer.selectionOf = function (node, via) {
    const isModule = node.hasClass("module") || node.hasClass("fold");
    const groups = isModule ? [] : node.data("groups").slice(0, SLOTS);
    return { kind: isModule ? "module" : "layer", name: node.data("name"), groups, via };
  };

  /* Whether a tap is on the sign of a module that opens or closes it: right of a closed one, upper right of an open one. */
  function isOnSign(node, at) {
    const box = node.boundingBox({ includeLabels: false, includeOverlays: false });
    const isRight = at.x > box.x2 - SIGN;
    return node.hasClass("fold") ? isRight : isRight && at.y < box.y1 + SIGN;
  }

  function tapped(node, at) {
    const kind = node.data("kind");
    if (kind === "input" || kind === "output") return undefined;
    if (explorer.tapInstead && explorer.tapInstead(node)) return undefined; // it answers a task (assets/learn_graph.js)
    if (kind === "port" && node.data("groups").length === 1) {
      const group = node.data("groups")[0];
      return explorer.select({ kind: "group", name: group, groups: [group], via: "graph" });
    }
    const owner = kind === "port" ? node.parent() : node;
    const isModule = owner.hasClass("module") || owner.hasClass("fold");
    if (isModule && kind !== "port" && isOnSign(owner, at)) return explorer.toggle(owner.data("name"));
    return explorer.select(explorer.selectionOf(owner, "graph"));
  }

  /* A tap on an edge leads to its other end: the one that is further away. */
  function followed(edge, at) {
    const distance = (node) => Math.hypot(node.position("x") - at.x, node.position("y") - at.y);
    const [source, target] = [edge.source(), edge.target()];
    explorer.goTo(distance(source) > distance(target) ? source : target);
  }

  function listen(cy) {
    cy.on("tap", (event) => {
      if (event.target === cy) explorer.select({});
      else if (event.target.isNode()) tapped(event.target, event.position);
      else followed(event.target, event.position);
    });
    cy.on("dbltap", ".fold, .module", (event) => {
      const isInner = event.target.data("kind") === "fold" || event.target.data("kind") === "module";
      if (isInner && !isOnSign(event.target, event.position)) explorer.toggle(event.target.data("name"));
      event.stopPropagation();
    });
    cy.on("mouseover", "node, edge", (event) => {
      event.target.addClass("hover");
      explorer.showTip(event.target);
    });
    cy.on("mouseout", "node, edge", (event) => {
      event.target.removeClass("hover");
      explorer.hideTip();
    });
    cy.on("add remove", paintSoon);
    cy.on("tap add remove pan zoom resize", explorer.hideTip);
    cy.container().addEventListener("pointerleave", explorer.hideTip);
    explorer.listenToView(cy);
    cy.ready(() => explorer.fit());
  }

  explorer.highlight = function (selection, pins) {
    state.selection = { ...(selection || {}) };
    state.pins = pins || [];
    explorer.hideTip();
    paintSoon();
    paintGrid();
  };

  explorer.showPreview = function (preview) {
    state.preview = preview;
    explorer.hideTip();
    paintSoon();
  };

  explorer.filled = function () {
    setTimeout(paintGrid, 100); // once the rows are there
  };

  explorer.repaint = paintSoon;
})();
