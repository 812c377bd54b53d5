/* Presenting: large type, no controls, and keys that turn the steps. The address says so too (?present). */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const NAME = "present";
  const WAYS = {
    ArrowRight: "on", ArrowDown: "on", PageDown: "on",
    ArrowLeft: "back", ArrowUp: "back", PageUp: "back",
  };
  const app = () => document.getElementById("app");
  const isPresenting = () => new URLSearchParams(location.search).has(NAME);

  /* Large or not, as the address says. */
  function follow() {
    app().toggleAttribute("data-present", isPresenting());
    document.getElementById("present").setAttribute("aria-pressed", String(isPresenting()));
    requestAnimationFrame(() => explorer.cy() && explorer.fit());
  }

  function present(isWanted) {
    history.replaceState(null, "", location.pathname + (isWanted ? "?" + NAME : ""));
    follow();
    const title = document.getElementById("lesson-title");
    if (isWanted && title) title.focus();
    if (!isWanted) document.getElementById("present").focus();
  }

  /* Arrow keys belong to fields and sliders that have the focus. */
  const takesKeys = (target) => target.closest("input, select, textarea, [role=slider], .ag-root, [role=dialog]");

  document.addEventListener(
    "keydown",
    (event) => {
      if (!isPresenting() || event.ctrlKey || event.metaKey || event.altKey || takesKeys(event.target)) return;
      const link = WAYS[event.key] && document.querySelector(`[data-way="${WAYS[event.key]}"]`);
      if (event.key !== "Escape" && !link) return;
      event.preventDefault();
      event.stopPropagation();
      if (link) explorer.lessons.go(link.href);
      else present(false);
    },
    true
  );
  window.addEventListener("popstate", () => follow());

  /* What a step draws, and how much room its panes leave, comes later than the step. */
  let due = 0;
  function fitAgain() {
    cancelAnimationFrame(due);
    due = requestAnimationFrame(() => {
      if (!isPresenting() || !explorer.cy()) return;
      explorer.cy().stop();
      explorer.fit();
    });
  }

  const { listenToView } = explorer;
  explorer.listenToView = function (cy) {
    listenToView(cy);
    cy.on("add remove", fitAgain);
    new ResizeObserver(fitAgain).observe(cy.container());
  };

  explorer.lessons.followPresenting = follow;
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.lessons = Object.assign(window.dash_clientside.lessons || {}, {
    present: (clicks) => clicks && present(!isPresenting()),
  });
})();
