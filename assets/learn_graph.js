/* The options of a task in the graph: a tap on a layer picks it, and each that is picked or that something was said of
   carries a sign and a word. The list beside the graph has all of it too. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const CLASSES = { "": "option-picked", right: "option-right", missing: "option-missing", extra: "option-extra" };
  const holder = Object.assign(document.createElement("div"), { className: "graph-marks", ariaHidden: "true" });
  const marks = { cy: null, shown: [], frame: 0 };

  /* What is shown of a layer: of several options of it, the one that most is said of. */
  function byLayer() {
    const told = explorer.lessons.options().filter((option) => option.isPicked || option.state);
    const order = ["", "right", "missing", "extra"];
    return told.reduce((found, option) => {
      const known = found.get(option.layer);
      return found.set(option.layer, known && order.indexOf(known.state) > order.indexOf(option.state) ? known : option);
    }, new Map());
  }

  function badge({ state, word }) {
    const mark = Object.assign(document.createElement("div"), { className: "graph-mark is-" + (state || "picked") });
    if (state) mark.append(explorer.lessons.sign(state, word));
    else mark.append("✓ picked");
    return mark;
  }

  function place() {
    marks.shown.forEach(({ node, mark }) => {
      const box = node.renderedBoundingBox({ includeLabels: false, includeOverlays: false });
      mark.style.translate = `${Math.round(box.x2)}px ${Math.round(box.y1)}px`;
    });
  }

  function placeSoon() {
    cancelAnimationFrame(marks.frame);
    marks.frame = requestAnimationFrame(place);
  }

  function listen(cy) {
    marks.cy = cy;
    cy.container().closest(".graph-area").append(holder);
    cy.on("pan zoom resize position bounds", placeSoon);
    cy.on("add remove", explorer.markOptions);
  }

  function draw() {
    const cy = explorer.cy();
    if (!cy) return;
    if (marks.cy !== cy) listen(cy);
    explorer.lessons.hideLocks();
    const told = byLayer();
    marks.shown = [];
    cy.batch(() =>
      cy.nodes(".layer, .op").forEach((node) => {
        const option = told.get(node.data("name"));
        node.removeClass(Object.values(CLASSES).join(" "));
        if (!option) return;
        node.addClass(CLASSES[option.state]);
        marks.shown.push({ node, mark: badge(option) });
      })
    );
    holder.replaceChildren(...marks.shown.map(({ mark }) => mark));
    place();
  }

  let due = 0;
  explorer.markOptions = function () {
    cancelAnimationFrame(due);
    due = requestAnimationFrame(draw);
  };

  /* Whether a tap on a node was an answer. */
  explorer.tapInstead = function (node) {
    const owner = node.data("kind") === "port" ? node.parent() : node;
    return owner.hasClass("layer") && explorer.lessons.tap(owner.data("name"), node.data("port") || "");
  };
})();
