/* The heat map of a weight is asked for once it can be seen: large weights take a while to read, and Plotly to load. */
(function () {
  const AHEAD = "200px"; // of the scroll that brings it into sight
  const say = (isSeen) => dash_clientside.set_props("weights-in-sight", { data: isSeen });
  const sight = new IntersectionObserver((seen) => say(seen.at(-1).isIntersecting), { rootMargin: AHEAD });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.weights = {
    watch() {
      sight.observe(document.getElementById("weights-box"));
    },
    ask(isInSight, parameter, scheme) {
      return isInSight && parameter ? { parameter, scheme } : window.dash_clientside.no_update;
    },
  };
})();
