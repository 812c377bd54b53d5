/* What is learnt from data: which panel shows, what the graph is coloured by, and trained weights that somebody wants. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const sensitivity = { drops: null };

  /* The share of the accuracy that the most sensitive group of a box loses when half of it goes. */
  explorer.shadeModes.sensitivity = function (boxes) {
    const { drops } = sensitivity;
    if (!drops) return { value: () => undefined, least: "not measured yet: see Training", most: "" };
    const most = Math.max(...Object.values(drops), 0.01);
    const value = (node) => {
      const known = explorer.groupsMadeBy(node).filter((name) => name in drops);
      return known.length ? Math.max(...known.map((name) => drops[name])) / most : undefined;
    };
    return { value, least: "no loss", most: Math.round(100 * most) + " points of accuracy, half removed" };
  };

  /* Accuracy lost by each group at one half, read between what was measured. */
  function dropsAtHalf({ base, points }) {
    const curves = {};
    points.forEach(({ group, ratio, accuracy }) => (curves[group] = curves[group] || [[0, base.accuracy]]).push([ratio, accuracy]));
    return Object.fromEntries(Object.entries(curves).map(([group, curve]) => [group, Math.max(0, base.accuracy - at(curve.sort((a, b) => a[0] - b[0]), 0.5))]));
  }

  function at(curve, ratio) {
    const after = curve.findIndex(([x]) => x >= ratio);
    if (after < 0) return curve[curve.length - 1][1];
    const [x, y] = curve[after];
    const [from, low] = curve[Math.max(0, after - 1)];
    return x === from ? y : low + ((y - low) * (ratio - from)) / (x - from);
  }

  /* Criteria that need data are measured for before the recipe names them. */
  explorer.needsData = (criterion) => (document.getElementById("grid-tools").dataset.needsData || "").split(" ").includes(criterion);
  explorer.askScores = (importance) => dash_clientside.set_props("scoring", { data: { importance, at: Date.now() } });

  /* How channels are ranked on the page, for a model with other weights; what data is asked for is not known of it yet. */
  function ranking() {
    const { importance, reduction, normalise } = explorer.recipe();
    return explorer.needsData(importance) ? {} : { importance, reduction, normalise };
  }

  document.addEventListener("click", (event) => {
    const taken = event.target.closest("[data-take-trained]");
    if (taken) dash_clientside.set_props("take-trained", { data: { key: taken.dataset.takeTrained, at: Date.now() } });
    const shown = event.target.closest("[data-show-training]");
    if (shown) {
      dash_clientside.set_props("centre-view", { value: "training" });
      dash_clientside.set_props("training-tab", { value: shown.dataset.showTraining });
    }
    const opened = event.target.closest("[data-open-trained]");
    if (opened) explorer.restore({ source: opened.dataset.openTrained, ranking: ranking(), why: "pick" });
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.training = {
    show(panel) {
      document.getElementById("training").dataset.shown = panel;
    },
    shadeBy(shown) {
      sensitivity.drops = shown && shown.data ? dropsAtHalf(shown.data) : null;
      explorer.repaint();
    },
    /* The recipe as it was measured: an opaque source of an earlier run had weights that are gone. */
    wanted(key) {
      const plan = explorer.planOf(key);
      return plan ? { recipe: plan.recipe, weights: plan.weights } : null;
    },
    scored(shown) {
      if (shown && shown.at === "done") explorer.askChange({ kind: "options", importance: shown.importance });
    },
    /* A step of its own, whatever somebody did meanwhile; of another model it is nothing. */
    found(shown) {
      if (!shown || shown.at !== "done" || shown.fingerprint !== explorer.recipe().fingerprint) return;
      explorer.ownStep();
      explorer.askChange({ kind: "found", ratios: shown.data.ratios });
    },
  };
})();
