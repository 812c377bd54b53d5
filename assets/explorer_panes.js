/* The panes around the graph: they close, and where the window is narrow those at its sides lie over it. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const NARROW = "(max-width: 1180px)";
  const SIDES = { left: "left-toggle", right: "right-toggle", bottom: "bottom-toggle" };
  const OTHER = { left: "right", right: "left" }; // of which only one has room where the window is narrow
  const isNarrow = () => window.matchMedia(NARROW).matches;
  const app = () => document.getElementById("app");

  function isOpen(side) {
    const said = app().dataset[side];
    return said ? said === "open" : side === "bottom" || !isNarrow();
  }

  function show(side, wanted) {
    app().dataset[side] = wanted ? "open" : "closed";
    Object.entries(SIDES).forEach(([each, id]) => {
      const button = document.getElementById(id);
      if (button) button.setAttribute("aria-expanded", String(isOpen(each)));
    });
  }

  /* Opens a pane; where the window is narrow, the one at the other side closes. */
  explorer.openPane = function (side) {
    if (isNarrow() && OTHER[side]) show(OTHER[side], false);
    show(side, true);
  };

  explorer.isPaneOpen = isOpen;
  explorer.closePane = (side) => show(side, false);

  document.addEventListener("click", (event) => {
    const side = Object.keys(SIDES).find((each) => event.target.closest("#" + SIDES[each]));
    if (!side) return;
    if (isOpen(side)) show(side, false);
    else explorer.openPane(side);
  });

  /* How many pixels of the graph lie below the panes at its sides. */
  explorer.covered = function () {
    const graph = document.getElementById("graph").getBoundingClientRect();
    const over = (side, width) => {
      const pane = document.getElementById(side).getBoundingClientRect();
      const isBeside = pane.bottom <= graph.top || pane.top >= graph.bottom || !pane.width;
      return isBeside ? 0 : Math.max(0, width(pane));
    };
    return { left: over("left", (pane) => pane.right - graph.left), right: over("right", (pane) => graph.right - pane.left) };
  };

  /* In a narrow window, what is picked in the graph shows its details, and a key for the search opens the pane that has it. */
  explorer.paneFor = function (selection) {
    if (isNarrow() && selection.name && selection.via === "graph") {
      explorer.openPane("right");
      explorer.uncover(selection);
    }
  };
  /* Another view of the centre is wide itself: the details that lie over the graph give way to it. */
  document.addEventListener("change", (event) => {
    if (event.target.closest("#centre-view") && isNarrow()) show("right", false);
  });
  document.addEventListener(
    "keydown",
    (event) => {
      const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && !/^(range|radio|checkbox)$/.test(event.target.type);
      if (event.key !== "/" || isTyping || isOpen("left") || explorer.lessons) return; // beside lessons there is no such pane
      explorer.openPane("left");
    },
    true
  );

  /* A window of another width starts anew. */
  window.matchMedia(NARROW).addEventListener("change", () => {
    if (app()) Object.keys(OTHER).forEach((side) => delete app().dataset[side]);
  });
})();
