/* Where the view is in the whole graph, on a small canvas of its own. It hides while all of the graph is in view. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const [MOST, EDGE] = [{ w: 176, h: 128 }, 6];
  const map = { scale: 1, box: null, waiting: 0 };

  const canvas = () => document.getElementById("minimap");
  const colour = (name) => getComputedStyle(document.getElementById("app")).getPropertyValue(name).trim();

  function isWhole(seen, box) {
    const slack = 8;
    return seen.x1 <= box.x1 + slack && seen.y1 <= box.y1 + slack && seen.x2 >= box.x2 - slack && seen.y2 >= box.y2 - slack;
  }

  function fill(ink, cy) {
    cy.nodes(".module").forEach((node) => rect(ink, node, colour("--module"), colour("--module-line")));
    cy.nodes(".layer, .fold, .op").forEach((node) => {
      const group = (node.scratch("_explorer") || "").replace("group-", "--hue-");
      rect(ink, node, group ? colour(group) : colour("--node-line"), "");
    });
  }

  function rect(ink, node, inside, line) {
    const at = node.boundingBox({ includeLabels: false, includeOverlays: false });
    const [x, y] = [EDGE + (at.x1 - map.box.x1) * map.scale, EDGE + (at.y1 - map.box.y1) * map.scale];
    const [w, h] = [Math.max(at.w * map.scale, 1), Math.max(at.h * map.scale, 1)];
    ink.fillStyle = inside;
    ink.fillRect(x, y, w, h);
    ink.strokeStyle = line;
    if (line) ink.strokeRect(x, y, w, h);
  }

  function frame(ink, seen) {
    const [w, h] = [map.box.w * map.scale, map.box.h * map.scale];
    const at = (value, start, most) => EDGE + Math.max(-3, Math.min((value - start) * map.scale, most + 3));
    const [x1, x2] = [at(seen.x1, map.box.x1, w), at(seen.x2, map.box.x1, w)];
    const [y1, y2] = [at(seen.y1, map.box.y1, h), at(seen.y2, map.box.y1, h)];
    ink.strokeStyle = colour("--accent");
    ink.lineWidth = 1.5;
    ink.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }

  function draw() {
    const [cy, paper] = [explorer.cy(), canvas()];
    if (!cy || !paper || cy.nodes().empty()) return;
    map.box = cy.elements().boundingBox({ includeLabels: false });
    paper.hidden = isWhole(cy.extent(), map.box);
    if (paper.hidden) return;
    map.scale = Math.min((MOST.w - 2 * EDGE) / map.box.w, (MOST.h - 2 * EDGE) / map.box.h);
    const [w, h] = [map.box.w * map.scale + 2 * EDGE, map.box.h * map.scale + 2 * EDGE];
    const dense = window.devicePixelRatio || 1;
    [paper.width, paper.height] = [w * dense, h * dense];
    [paper.style.width, paper.style.height] = [w + "px", h + "px"];
    const ink = paper.getContext("2d");
    ink.scale(dense, dense);
    fill(ink, cy);
    frame(ink, cy.extent());
  }

  explorer.drawMinimapSoon = function () {
    cancelAnimationFrame(map.waiting);
    map.waiting = requestAnimationFrame(draw);
  };

  /* The middle of the view follows the pointer. */
  function follow(event) {
    const [cy, at] = [explorer.cy(), canvas().getBoundingClientRect()];
    const x = (event.clientX - at.left - EDGE) / map.scale + map.box.x1;
    const y = (event.clientY - at.top - EDGE) / map.scale + map.box.y1;
    cy.pan({ x: cy.width() / 2 - x * cy.zoom(), y: cy.height() / 2 - y * cy.zoom() });
  }

  document.addEventListener("pointerdown", (event) => {
    if (event.target.id !== "minimap") return;
    event.target.setPointerCapture(event.pointerId);
    follow(event);
  });
  document.addEventListener("pointermove", (event) => {
    if (event.target.id === "minimap" && event.buttons) follow(event);
  });
})();
