/* A server that does not answer: a banner says so, and the page goes on where it was once the server is back. The page is
   then loaded again, which brings all of it back from the browser's storage, whether the server was started anew or not. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const BEAT = 10_000; // milliseconds between two looks whether the server is still the one that this page came from
  const FIRST = 500; // before the first try to reach a lost server; each next wait is longer, up to
  const LONGEST = 4000;
  const server = { isLost: false, isLeaving: false };

  async function run() {
    const answer = await plainFetch("/alive", { cache: "no-store" });
    return (await answer.json()).run;
  }

  function lost() {
    if (server.isLost || server.isLeaving) return;
    server.isLost = true;
    dash_clientside.set_props("lost", { hidden: false });
    again(FIRST);
  }

  function again(wait) {
    setTimeout(async () => {
      try {
        await run();
        location.reload();
      } catch {
        again(Math.min(2 * wait, LONGEST));
      }
    }, wait);
  }

  async function beat() {
    if (server.isLost || document.hidden || !explorer.run || !explorer.run()) return;
    try {
      if ((await run()) !== explorer.run()) location.reload();
    } catch {
      lost();
    }
  }

  const plainFetch = window.fetch.bind(window);
  window.fetch = async function (resource, options) {
    const isCallback = String(resource.url || resource).includes("/_dash-update-component");
    try {
      const answer = await plainFetch(resource, options);
      if (isCallback && answer.status >= 500) {
        explorer.notice("Something went wrong that the explorer did not expect. The log of the server has the details.", "bad");
      }
      return answer;
    } catch (error) {
      if (isCallback && error.name !== "AbortError") lost();
      throw error;
    }
  };

  window.addEventListener("beforeunload", () => (server.isLeaving = true));
  document.addEventListener("visibilitychange", beat);
  setInterval(beat, BEAT);
})();
