/* The view of the graph: fit, zoom, bring into view, and stay in place while a module opens or closes. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const [EDGE, READABLE, CLOSEST] = [20, 0.64, 1.1]; // pixels around; 12 px letters stay 7.7 px high
  const GLIDE = 180; // milliseconds
  const graph = explorer.graph;
  const isStill = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  function move(view) {
    const cy = explorer.cy();
    cy.stop();
    if (isStill()) cy.viewport(view);
    else cy.animate(view, { duration: GLIDE, easing: "ease-out" });
  }

  /* The part of the graph that no pane covers, without its edges. */
  function room(cy) {
    const { left, right } = explorer.covered();
    return { x: EDGE + left, y: EDGE, w: cy.width() - left - right - 2 * EDGE, h: cy.height() - 2 * EDGE };
  }
  explorer.room = room;

  /* The view that shows a box, in the middle of the room. */
  function viewOf(cy, box, closest) {
    const space = room(cy);
    const zoom = Math.min(space.w / box.w, space.h / box.h, closest);
    const centre = (start, size, length) => (length - size * zoom) / 2 - start * zoom;
    return { zoom, pan: { x: space.x + centre(box.x1, box.w, space.w), y: space.y + centre(box.y1, box.h, space.h) } };
  }

  /* The whole graph; at first, where all of it would be too small, a readable part: from the start if what is highlighted
     is in it, else around that. */
  explorer.fit = function (isWhole) {
    const cy = explorer.cy();
    if (!cy) return;
    cy.resize();
    fitInto(cy, isWhole);
    if (!isWhole) know(cy, null);
  };

  function fitInto(cy, isWhole) {
    const box = cy.elements().boundingBox({ includeLabels: false });
    const view = viewOf(cy, box, CLOSEST);
    if (isWhole || view.zoom >= READABLE) {
      cy.viewport(view);
      return;
    }
    const first = boxesOf(graph.selection)[0];
    const at = first ? first.boundingBox({ includeLabels: false }) : { x1: box.x1, x2: box.x1, y1: box.y1, y2: box.y1 };
    const space = room(cy);
    const along = (start, size, length, from, to) => {
      const [spare, begin] = [length - size * READABLE, -start * READABLE];
      if (spare >= 0) return spare / 2 + begin;
      const isNearTheStart = to * READABLE + begin <= length * (2 / 3);
      return isNearTheStart ? begin : Math.max(Math.min(begin, length / 3 - ((from + to) / 2) * READABLE), begin + spare);
    };
    const x = space.x + along(box.x1, box.w, space.w, at.x1, at.x2);
    const y = space.y + along(box.y1, box.h, space.h, at.y1, at.y2);
    cy.viewport({ zoom: READABLE, pan: { x, y } });
  }

  /* ---- What is remembered of it: nothing while it is as it was at first, else the zoom and what is in the middle ---- */

  const REST = 250; // milliseconds without a move before it is remembered
  const kept = { at: "", state: null, timer: 0, due: null };
  const rounded = (value, digits) => Number(value.toFixed(digits));
  const placeOf = (cy) => JSON.stringify([cy.zoom(), cy.pan()]);

  /* The view is where a state says, so that it is not remembered in other words. */
  function know(cy, state) {
    clearTimeout(kept.timer);
    [kept.at, kept.state, kept.timer] = [placeOf(cy), state, 0];
  }

  function stateOf(cy) {
    const [zoom, pan] = [cy.zoom(), cy.pan()];
    return { zoom: rounded(zoom, 4), x: rounded((cy.width() / 2 - pan.x) / zoom, 1), y: rounded((cy.height() / 2 - pan.y) / zoom, 1) };
  }

  function keep() {
    const cy = explorer.cy();
    kept.timer = 0;
    if (placeOf(cy) !== kept.at) know(cy, stateOf(cy));
    explorer.keepView("graph", kept.state);
  }

  function keepSoon() {
    clearTimeout(kept.timer);
    kept.timer = setTimeout(keep, REST);
  }
  explorer.isViewKept = () => kept.timer === 0;

  /* Goes to a view that was remembered, once the graph that it is of is there; none leaves the view as it is. */
  explorer.showView = function (state, isDrawnLater) {
    kept.due = isDrawnLater ? state : null;
    if (state && !isDrawnLater) goToState(state);
  };

  function goToState({ zoom, x, y }) {
    const cy = explorer.cy();
    cy.stop();
    cy.viewport({ zoom, pan: { x: cy.width() / 2 - x * zoom, y: cy.height() / 2 - y * zoom } });
    know(cy, { zoom, x, y });
  }

  explorer.zoom = function (factor) {
    const cy = explorer.cy();
    if (cy) cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
  };

  /* The drawn boxes that a selection is about: of a group all that carry it. */
  function boxesOf(selection) {
    const cy = explorer.cy();
    if (!cy || !selection.name) return cy ? cy.collection() : [];
    if (selection.pair) return cy.nodes(".layer, .op, .fold").filter((node) => selection.pair.includes(node.data("name")));
    if (selection.kind !== "group")
      return cy.nodes(".layer, .op, .fold, .module").filter((node) => isNamed(node, selection));
    return cy.nodes(".layer, .op, .fold").filter((node) => (node.data("groups") || []).includes(selection.name));
  }
  explorer.boxesOf = boxesOf;

  const isNamed = (node, selection) =>
    node.data("name") === selection.name && explorer.isOf(node, selection.kind);

  explorer.zoomToSelection = function () {
    const boxes = boxesOf(graph.selection);
    if (boxes.nonempty()) move(viewOf(explorer.cy(), boxes.boundingBox({ includeLabels: false }), CLOSEST));
  };

  /* A module, open or closed; nothing for a path that does not show; the whole graph for no path. */
  explorer.zoomToModule = function (path) {
    const cy = explorer.cy();
    if (!path) return move(viewOf(cy, cy.elements().boundingBox({ includeLabels: false }), CLOSEST));
    const found = cy.nodes(".module, .fold").filter((node) => node.data("name") === path);
    if (found.nonempty()) move(viewOf(cy, found.boundingBox({ includeLabels: false }), CLOSEST));
    return undefined;
  };

  /* Selects a drawn box and brings it into view. */
  explorer.goTo = function (node) {
    if (node.hasClass("terminal")) bringIntoView(node);
    else explorer.select(explorer.selectionOf(node, "keys"));
  };

  /* Where one looks at a box: its middle, of a tall one somewhat below its top. */
  function middleOf(node) {
    const box = node.renderedBoundingBox({ includeLabels: false });
    return [(box.x1 + box.x2) / 2, Math.min((box.y1 + box.y2) / 2, box.y1 + explorer.cy().height() / 3)];
  }

  function isInView(node) {
    const [space, [x, y]] = [room(explorer.cy()), middleOf(node)];
    return x > space.x && y > space.y && x < space.x + space.w && y < space.y + space.h;
  }

  /* The first of some boxes, unless any of them is in view: between those that lie far apart there may be nothing. */
  function bringIntoView(nodes) {
    if (nodes.some(isInView)) return;
    const cy = explorer.cy();
    const [space, [x, y]] = [room(cy), middleOf(nodes[0])];
    const pan = cy.pan();
    move({ zoom: cy.zoom(), pan: { x: pan.x + space.x + space.w / 2 - x, y: pan.y + space.y + space.h / 2 - y } });
  }

  /* What was picked in the graph stays in sight when a pane opens over it. */
  explorer.uncover = function (selection) {
    const boxes = boxesOf(selection);
    if (boxes.length) bringIntoView(boxes);
  };

  /* Brings what was picked elsewhere into view, as soon as it is drawn. */
  explorer.reveal = function () {
    const { selection } = graph;
    if (!selection.name || selection.via === "graph" || selection.seen) return;
    const boxes = boxesOf(selection);
    if (!boxes.length) return;
    selection.seen = true;
    bringIntoView(boxes);
  };

  /* While a module opens or closes, its upper left corner stays where it is. */
  let anchor = null;
  const holding = (path) => explorer.cy().nodes(".module, .fold").filter((node) => node.data("name") === path)[0];

  explorer.holdInPlace = function (path) {
    const node = explorer.cy() && holding(path);
    anchor = node ? { path, box: node.renderedBoundingBox({ includeLabels: false }) } : null;
  };

  function keepInPlace() {
    const node = anchor && holding(anchor.path);
    if (!node) return;
    const cy = explorer.cy();
    const box = node.renderedBoundingBox({ includeLabels: false });
    cy.panBy({ x: anchor.box.x1 - box.x1, y: anchor.box.y1 - box.y1 });
    anchor = null;
    const after = node.renderedBoundingBox({ includeLabels: false });
    const { left, right } = explorer.covered();
    const isSeen = after.x1 >= left && after.y1 >= 0 && after.x2 <= cy.width() - right && after.y2 <= cy.height();
    const view = viewOf(cy, node.boundingBox({ includeLabels: false }), cy.zoom());
    if (!isSeen && view.zoom >= READABLE) move(view);
  }

  /* A new model: all of it is shown as soon as its nodes are there. The old ones go first, since a node of the same name
     in another module would be taken for the old one and go with the old module. */
  explorer.newModel = function (source) {
    graph.isFitDue = graph.source !== undefined && graph.source !== source;
    if (graph.isFitDue) dash_clientside.set_props("graph", { elements: [] });
    graph.source = source;
  };

  /* The next elements are another view of the model, not one that opened or closed. */
  explorer.fitSoon = () => (graph.isFitDue = true);

  /* New elements are on their way into the graph. */
  explorer.drawn = function () {
    explorer.hideTip();
    setTimeout(() => {
      if (!explorer.cy() || explorer.cy().nodes().empty()) return;
      if (graph.isFitDue) explorer.fit();
      else keepInPlace();
      graph.isFitDue = false;
      if (kept.due) goToState(kept.due);
      kept.due = null;
      explorer.repaint();
    }, 0);
  };

  /* What was opened may have closed other modules. */
  let known = { source: "", paths: [] };
  let asked = "";
  explorer.toggled = function (path) {
    asked = path;
    explorer.holdInPlace(path);
  };
  explorer.opened = function (opened) {
    const isSame = known.source === opened.source;
    const gone = isSame ? known.paths.filter((path) => !opened.paths.includes(path)) : [];
    const others = gone.filter((path) => path !== asked && !path.startsWith(asked + "."));
    const isOpen = opened.paths.includes(asked);
    known = opened;
    if (!asked) return;
    const closed = others.length ? `; ${others.length} other modules closed, so that the graph stays readable` : "";
    explorer.announce(`${asked} is ${isOpen ? "open" : "closed"}${closed}`);
    asked = "";
  };

  explorer.listenToView = function (cy) {
    cy.on("add remove pan zoom resize", explorer.drawMinimapSoon);
    cy.on("viewport", keepSoon);
    new ResizeObserver(() => cy.resize()).observe(cy.container());
  };
})();
