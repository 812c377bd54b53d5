/* While a model is opened, the graph says which, how far it is and for how long. The app's data-busy tells when. */
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
    byId("opening-title").textContent = `Opening ${byId("picker").value}`;
    since.start = performance.now();
    since.timer = setInterval(tick, 1000);
    tick();
  }

  new MutationObserver((changes) => {
    if (changes.some((change) => change.target.id === "app")) show(byId("app").dataset.busy === "opening");
  }).observe(document.documentElement, { subtree: true, attributeFilter: ["data-busy"] });
})();
