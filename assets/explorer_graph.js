/* The live graph: what is highlighted, what a tap means, and the view. Elements come from the server and are never read
   back; the classes and texts that change often are set here, on the cytoscape object itself. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const SLOTS = 8;
  const LETTERS = "ABCDEFGH";
  const [EDGE, LEGEND, READABLE] = [20, 32, 0.64]; // pixels around the graph and for the legend; 12 px letters stay 7.7 px high
  const state = { selection: {}, pins: [], preview: null, cy: null };

  function liveCy() {
    const holder = document.getElementById("graph");
    const found = holder && holder._cyreg && holder._cyreg.cy;
    if (found && found !== state.cy) {
      state.cy = window.explorerCy = found;
      listen(found);
    }
    return state.cy;
  }

  /* Which group has which hue: pinned groups first, then the selected ones. */
  explorer.slots = function (selection, pins) {
    const names = [...new Set([...(pins || []), ...((selection && selection.groups) || [])])];
    return new Map(names.slice(0, SLOTS).map((name, slot) => [name, slot]));
  };
  explorer.slotOf = (group) => explorer.slots(state.selection, state.pins).get(group);
  explorer.letter = (slot) => LETTERS[slot];

  /* "16", or "16 → 8" once channels are to go; a flattened port holds several indices per channel. */
  function portText(data) {
    const counts = data.groups.length === 1 && state.preview && state.preview.groups[data.groups[0]];
    if (!counts || counts[0] === counts[1]) return data.size;
    return data.size + " → " + Math.round((Number(data.size) * counts[1]) / counts[0]);
  }

  function setText(port, slot) {
    const text = portText(port.data());
    const badge = slot === undefined ? text : (LETTERS[slot] + " " + text).trim();
    if (port.data("label") !== text) port.data("label", text);
    if (port.data("badge") !== badge) port.data("badge", badge);
  }

  function mark(element, slots, isFocused) {
    const groups = element.data("groups") || [];
    const group = groups.find((name) => slots.has(name));
    const slot = group === undefined ? undefined : slots.get(group);
    const wanted = slot === undefined ? "" : "group-" + slot;
    const before = element.scratch("_explorer") || "";
    if (before !== wanted) {
      if (before) element.removeClass(before);
      if (wanted) element.addClass(wanted);
      element.scratch("_explorer", wanted);
    }
    const isPort = element.hasClass("port");
    if (isPort) setText(element, slot);
    const isCovered = element.hasClass("module") || (isPort && element.parent().hasClass("dim")); // bands fade with their layer
    const isDim = isFocused && slot === undefined && !isCovered;
    if (element.hasClass("dim") !== isDim) element.toggleClass("dim", isDim);
  }

  function paint() {
    const cy = liveCy();
    if (!cy) return;
    const slots = explorer.slots(state.selection, state.pins);
    const picked = state.selection.kind === "group" ? state.selection.pair || [] : [state.selection.name]; // a pair: two layers of a matrix
    cy.batch(() => {
      cy.elements().forEach((element) => mark(element, slots, slots.size > 0));
      cy.nodes(".layer, .op, .fold, .module").forEach((node) => {
        node.toggleClass("picked", picked.includes(node.data("name")));
      });
    });
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
    const row = state.selection.kind === "group" && grid.getRowNode(state.selection.name);
    if (row && state.selection.via !== "grid") grid.ensureNodeVisible(row, "middle");
  }

  let waiting = 0;
  function paintSoon() {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => {
      paint();
      paintLists();
      reveal();
    });
  }

  function select(selection) {
    dash_clientside.set_props("selection", { data: selection });
  }

  function groupsOf(node) {
    return node.data("groups").slice(0, SLOTS);
  }

  function tapped(node) {
    const kind = node.data("kind");
    if (kind === "fold") return explorer.toggle(node.data("name"));
    if (kind === "port" && node.data("groups").length === 1) {
      const group = node.data("groups")[0];
      return select({ kind: "group", name: group, groups: [group], via: "graph" });
    }
    const owner = kind === "port" ? node.parent() : node;
    if (kind === "input" || kind === "output") return undefined;
    const groups = kind === "module" ? [] : groupsOf(owner);
    return select({ kind: kind === "module" ? "module" : "layer", name: owner.data("name"), groups, via: "graph" });
  }

  function listen(cy) {
    cy.on("tap", (event) => {
      if (event.target === cy) select({});
      else if (event.target.isNode()) tapped(event.target);
    });
    cy.on("mouseover", "node", (event) => event.target.addClass("hover"));
    cy.on("mouseout", "node", (event) => event.target.removeClass("hover"));
    cy.on("add", paintSoon);
    cy.ready(() => explorer.fit());
  }

  /* The whole graph, or the readable part of it around what is highlighted. */
  explorer.fit = function (isWhole) {
    const cy = liveCy();
    if (!cy) return;
    cy.resize();
    const box = cy.elements().boundingBox({ includeLabels: false });
    const room = { w: cy.width() - 2 * EDGE, h: cy.height() - 2 * EDGE - LEGEND };
    const zoom = Math.max(Math.min(room.w / box.w, room.h / box.h, 1.1), isWhole ? 0 : READABLE);
    const group = cy.nodes(".port").filter((port) => (port.data("groups") || []).includes(state.selection.name));
    const first = group.nonempty() ? group[0].parent().position() : { x: box.x1, y: box.y1 };
    const along = (start, size, room, at) =>
      size * zoom <= room + 1
        ? (room - size * zoom) / 2 - start * zoom // all of it, in the middle
        : Math.max(Math.min(-start * zoom, room / 3 - at * zoom), room - (start + size) * zoom);
    const x = EDGE + along(box.x1, box.w, room.w, first.x);
    const y = EDGE + Math.min(along(box.y1, box.h, room.h, first.y), box.h * zoom <= room.h ? -box.y1 * zoom : Infinity);
    cy.viewport({ zoom, pan: { x, y } });
  };

  explorer.zoom = function (factor) {
    const cy = liveCy();
    if (cy) cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
  };

  /* Brings a node that was picked elsewhere into view. */
  function reveal() {
    const { selection, cy } = state;
    if (!cy || !selection.name || selection.via === "graph" || selection.seen) return;
    const nodes = cy.nodes().filter((node) =>
      selection.kind === "group" && !selection.pair
        ? (node.data("groups") || []).includes(selection.name)
        : (selection.pair || [selection.name]).includes(node.data("name")) && node.data("kind") !== "port"
    );
    if (nodes.empty()) return;
    selection.seen = true;
    const box = nodes.renderedBoundingBox();
    const [x, y] = [(box.x1 + box.x2) / 2, Math.min((box.y1 + box.y2) / 2, box.y1 + cy.height() / 3)];
    const isVisible = x > EDGE && y > EDGE && x < cy.width() - EDGE && y < cy.height() - EDGE - LEGEND;
    if (!isVisible) cy.panBy({ x: cy.width() / 2 - x, y: cy.height() / 2 - y });
  }

  explorer.highlight = function (selection, pins) {
    state.selection = { ...(selection || {}) };
    state.pins = pins || [];
    paintSoon();
    paintGrid();
  };

  explorer.showPreview = function (preview) {
    state.preview = preview;
    paintSoon();
  };

  /* A new model: all of it is shown as soon as its nodes are there. */
  explorer.newModel = function (source) {
    state.isFitDue = state.source !== undefined && state.source !== source;
    state.source = source;
  };

  /* New elements are on their way into the graph: of a new model, all of it or the group first shown comes into view. */
  explorer.drawn = function () {
    if (!state.isFitDue) return;
    state.isFitDue = false;
    setTimeout(() => {
      if (liveCy()) explorer.fit();
      paintSoon();
    }, 60);
  };

  explorer.filled = function () {
    setTimeout(paintGrid, 100); // once the rows are there
  };

  explorer.repaint = paintSoon;
})();
