/* The plans that were measured in this tab: kept here, gone back to, and compared two at a time. */
(function () {
  const MOST = 40; // plans
  const ROOM = 1000000; // characters of all of them as text
  const known = { plans: [], compared: [] };

  /* Plans of lessons are apart from those of the explorer, which the same tab keeps. */
  const isMine = (plan) => Boolean(plan.isLesson) === Boolean(explorer.lessons);
  const isOf = (fingerprint) => (plan) => plan.fingerprint === fingerprint && isMine(plan);
  const nothing = () => window.dash_clientside.no_update;

  /* The oldest go first; an original is what the others are held against and goes last. */
  function bounded(plans) {
    const kept = [...plans];
    while (kept.length > 1 && (kept.length > MOST || JSON.stringify(kept).length > ROOM)) {
      const oldest = kept.findIndex((plan) => plan.is_pruning);
      kept.splice(Math.max(0, oldest), 1);
    }
    return kept;
  }

  /* Where nothing is pruned, all rankings give the same: the model with the weights that it has. */
  const isOriginalOf = (one) => (other) =>
    !one.is_pruning && !other.is_pruning && one.trained === other.trained && one.recipe.source === other.recipe.source;
  const isSame = (one) => (other) => other.key === one.key || isOriginalOf(one)(other);

  /* A step of a lesson begins with the original alone. */
  explorer.forgetPlans = () =>
    dash_clientside.set_props("plans", { data: known.plans.filter((plan) => !isMine(plan) || !(plan.is_pruning || plan.trained)) });

  /* An opaque source of an earlier run of the server is the model that is on the page now. */
  const sourceOf = (plan, now) => (plan.run === explorer.run() || explorer.isNamed(plan.recipe.source) ? plan.recipe.source : now);
  explorer.planOf = (key) => known.plans.find((plan) => plan.key === key);

  function compare(keys) {
    known.compared = keys;
    dash_clientside.set_props("compared", { data: keys });
  }

  /* Back to a plan, as one step that can be undone; how one looks at the model stays. */
  function goTo(key) {
    const { source, fingerprint, view } = explorer.recipe();
    const plan = known.plans.filter(isOf(fingerprint)).find((each) => each.key === key);
    if (plan) explorer.restore({ recipe: { ...plan.recipe, source: sourceOf(plan, source), view: { pins: view.pins } }, why: "undo" });
  }

  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-plan]");
    if (row) goTo(row.dataset.plan);
    const check = event.target.closest("[data-compare]");
    if (!check) return;
    const others = known.compared.filter((key) => key !== check.dataset.compare);
    const isOn = others.length < known.compared.length;
    compare(isOn ? others : [...others.slice(-1), check.dataset.compare]);
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.plans = {
    add(measured, plans) {
      if (!measured || explorer.isBeginning()) return nothing(); // it was measured for the step before
      const all = plans || [];
      const mine = all.filter(isOf(measured.fingerprint));
      const before = mine.find(isSame(measured));
      const same = before || mine.find((plan) => plan.plan === measured.plan); // a recovered plan has the number of the plan
      const number = same ? same.number : measured.is_pruning ? Math.max(0, ...mine.map((plan) => plan.number)) + 1 : 0;
      const news = { ...Object.fromEntries(Object.entries(measured).filter(([, value]) => value !== null)), run: explorer.run() };
      const plan = { ...measured, ...before, ...news, number, isLesson: Boolean(explorer.lessons) };
      if (before && JSON.stringify(before) === JSON.stringify(plan)) return nothing();
      if (before) compare(known.compared.map((key) => (key === before.key ? plan.key : key)));
      return bounded([...all.filter((each) => each !== before), plan]);
    },
    rows(plans, _source, recipe) {
      known.plans = plans || [];
      const mine = known.plans.filter(isOf(recipe.fingerprint));
      return mine.map(({ recipe: _, ...row }) => row).sort((a, b) => a.number - b.number);
    },
    pair(compared, rows, plans) {
      const { source, fingerprint } = explorer.recipe() || {};
      const mine = (plans || []).filter(isOf(fingerprint));
      const pair = mine.filter((plan) => compared.includes(plan.key)).sort((a, b) => a.number - b.number);
      return pair.map((plan) => ({ ...plan, recipe: { ...plan.recipe, source: sourceOf(plan, source) } }));
    },
    reveal(children) {
      if (children && children.length) setTimeout(() => document.getElementById("plans-difference").scrollIntoView({ block: "start" }));
    },
    point(data) {
      const point = data && data.points && data.points[0];
      if (point && point.customdata) goTo(point.customdata[0]);
    },
  };
})();
