/* Presenting: large type, no controls, and keys that turn the steps. The address says so too (?present). */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const NAME = "present";
  const WAYS = {
    ArrowRight: "on", ArrowDown: "on", PageDown: "on",
    ArrowLeft: "back", ArrowUp: "back", PageUp: "back",
  };
  const KEYS = [["→", "next step"], ["←", "step before"], ["Esc", "leaves"]];
  const TOLD = 5000; // milliseconds for which the keys are told
  const keys = Object.assign(document.createElement("div"), { className: "present-keys", hidden: true });
  keys.setAttribute("role", "status");
  let told = 0;
  const app = () => document.getElementById("app");
  const isPresenting = () => new URLSearchParams(location.search).has(NAME);

  function keyNamed([key, what]) {
    const line = document.createElement("span");
    line.append(Object.assign(document.createElement("kbd"), { textContent: key }), " " + what);
    return line;
  }

  /* Which keys there are, for as long as it takes to read them. */
  function tellKeys(isWanted) {
    clearTimeout(told);
    document.body.append(keys);
    keys.hidden = !isWanted;
    keys.replaceChildren(...(isWanted ? KEYS.map(keyNamed) : []));
    if (isWanted) told = setTimeout(tellKeys, TOLD, false);
  }

  /* Large or not, as the address says. */
  function follow() {
    if (app().hasAttribute("data-present") !== isPresenting()) tellKeys(isPresenting());
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

  /* Escape puts away what is told of a term first. */
  const isTermTold = () => Boolean(document.querySelector(".term-tip:not([hidden])"));

  document.addEventListener(
    "keydown",
    (event) => {
      if (!isPresenting() || event.ctrlKey || event.metaKey || event.altKey || takesKeys(event.target)) return;
      const link = WAYS[event.key] && document.querySelector(`[data-way="${WAYS[event.key]}"]`);
      if (event.key === "Escape" ? isTermTold() : !link) return;
      event.preventDefault();
      event.stopImmediatePropagation(); // a player that is open has keys, too
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
