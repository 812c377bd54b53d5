/* While a model is opened, the page says which, how far it is and for how long. The app's data-busy tells when. Where it
   could not be opened, a card says why and leads on. */
(function () {
  const since = { start: 0, timer: 0 };
  const byId = (id) => document.getElementById(id);

  function tick() {
    const seconds = Math.round((performance.now() - since.start) / 1000);
    byId("opening-time").textContent = seconds < 3 ? "" : `${seconds} s so far; large models and detectors take a while`;
  }

  function show(isBusy) {
    const notice = byId("opening");
    if (!notice || notice.hidden === !isBusy) return;
    notice.hidden = !isBusy;
    clearInterval(since.timer);
    dash_clientside.set_props("opening-clock", { disabled: !isBusy });
    if (!isBusy) return;
    byId("opening-title").textContent = `Opening ${explorer.opening()}`;
    since.start = performance.now();
    since.timer = setInterval(tick, 1000);
    tick();
  }

  const ACTIONS = {
    retry: () => explorer.retry(),
    close: () => dash_clientside.set_props("failure", { children: [] }),
  };
  document.addEventListener("click", (event) => {
    const [action, other] = ["[data-opening]", "[data-open]"].map((kind) => event.target.closest(kind));
    if (action) ACTIONS[action.dataset.opening]();
    if (other) explorer.restore({ source: other.dataset.open, why: "pick" });
  });

  new MutationObserver((changes) => {
    if (changes.some((change) => change.target.id === "app")) show(byId("app").dataset.busy === "opening");
  }).observe(document.documentElement, { subtree: true, attributeFilter: ["data-busy"] });
})();
