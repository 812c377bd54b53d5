/* The panes beside the graph: they close, and where the window is narrow they lie over it. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const NARROW = "(max-width: 1180px)";
  const SIDES = { left: "left-toggle", right: "right-toggle" };
  const isNarrow = () => window.matchMedia(NARROW).matches;
  const app = () => document.getElementById("app");

  function isOpen(side) {
    const said = app().dataset[side];
    return said ? said === "open" : !isNarrow();
  }

  function show(side, wanted) {
    app().dataset[side] = wanted ? "open" : "closed";
    Object.entries(SIDES).forEach(([each, id]) => {
      const button = document.getElementById(id);
      if (button) button.setAttribute("aria-expanded", String(isOpen(each)));
    });
  }

  explorer.showPane = show;

  document.addEventListener("click", (event) => {
    const side = Object.keys(SIDES).find((each) => event.target.closest("#" + SIDES[each]));
    if (!side) return;
    const wanted = !isOpen(side);
    if (wanted && isNarrow()) show(side === "left" ? "right" : "left", false);
    show(side, wanted);
  });

  /* In a narrow window, what is picked in the graph shows its details, and a key for the search opens the pane that has it. */
  explorer.paneFor = function (selection) {
    if (isNarrow() && selection.name && selection.via === "graph") {
      show("left", false);
      show("right", true);
    }
  };
  document.addEventListener(
    "keydown",
    (event) => {
      const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && !/^(range|radio|checkbox)$/.test(event.target.type);
      if (event.key !== "/" || isTyping || isOpen("left")) return;
      if (isNarrow()) show("right", false);
      show("left", true);
    },
    true
  );

  /* A window of another width starts anew. */
  window.matchMedia(NARROW).addEventListener("change", () => {
    if (app()) ["left", "right"].forEach((side) => delete app().dataset[side]);
  });
})();
