/* Light or dark: as the system has it, until somebody chooses the other one; choosing what the system has follows it again. */
(function () {
  const KEY = "explorer:scheme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  let styles = null; // the graph's stylesheet per scheme

  let chosen = remembered(); // null where the system decides

  const ofSystem = () => (system.matches ? "dark" : "light");
  const current = () => chosen || ofSystem();

  /* Storage may be forbidden; a choice then lasts as long as the page. */
  function remembered() {
    try {
      return window.localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  function choose(scheme) {
    chosen = scheme === ofSystem() ? null : scheme;
    try {
      if (chosen) window.localStorage.setItem(KEY, chosen);
      else window.localStorage.removeItem(KEY);
    } catch {
      /* see remembered */
    }
  }

  /* The page itself, at once. */
  function paint(scheme) {
    document.documentElement.setAttribute("data-mantine-color-scheme", scheme);
    return scheme;
  }

  paint(current());

  system.addEventListener("change", () => {
    if (!styles || chosen) return;
    const scheme = paint(current());
    const shown = { scheme: { data: scheme }, provider: { forceColorScheme: scheme }, graph: { stylesheet: styles[scheme] } };
    Object.entries(shown).forEach(([id, props]) => dash_clientside.set_props(id, props));
  });

  window.dash_clientside = window.dash_clientside || {};
  Object.assign((window.dash_clientside.explorer = window.dash_clientside.explorer || {}), {
    scheme(_clicks, known, shown) {
      styles = known;
      const isClick = window.dash_clientside.callback_context.triggered_id === "theme";
      const scheme = isClick ? (current() === "dark" ? "light" : "dark") : current();
      if (isClick) choose(scheme);
      paint(scheme);
      const nothing = window.dash_clientside.no_update; // to draw all of it again takes a tenth of a second
      return scheme === shown ? [scheme, nothing, nothing] : [scheme, scheme, styles[scheme]];
    },
  });
})();
