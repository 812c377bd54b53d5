/* Whether what a step asks somebody to do on the screen was done: one function for each action, told of by the parts of the
   page that change with it (explorer/app/learn/doing.py). */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const lessons = explorer.lessons;
  const begun = {}; // by action the work that was begun last, and in which step

  /* Only what is done while its step is shown counts. */
  function happened(action, isDone) {
    if (isDone && lessons.at && lessons.at.does === action && !explorer.isOpening()) lessons.note("done");
  }

  /* Work counts where it was begun in this step and came to its end. */
  const work = (action) => (asked, shown) => {
    const { triggered_id } = window.dash_clientside.callback_context;
    if (asked && triggered_id.endsWith("-asked")) begun[action] = { key: asked.key, at: lessons.at };
    const mine = begun[action] || {};
    const isOver = shown && shown.at === "done" && shown.key === mine.key && shown.data.stopped !== "cancelled";
    happened(action, Boolean(isOver) && mine.at === lessons.at);
  };

  const plan = ({ source, ratios, keep }) => JSON.stringify([source, ratios, keep]);
  const isAbout = (asked, recipe) => (asked.recipe ? plan(asked.recipe) === plan(recipe) : asked.source === recipe.source);

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.doing = {
    play: (panels, recorded) =>
      happened("play", Boolean(panels && panels.player && recorded && recorded.steps) && panels.player.step >= recorded.steps.length),
    prove: (measured) => happened("prove", Boolean(measured && measured.is_proven) && plan(measured.recipe) === plan(explorer.recipe())),
    time: work("time"),
    sweep: work("sweep"),
    recover: work("recover"),
    train_sparsely: work("train_sparsely"),
    plan_on_trained: (recipe) =>
      happened("plan_on_trained", recipe.source.startsWith("session:") && Object.values(recipe.ratios).some((ratio) => ratio > 0)),
    ask_to_untie: (said) => happened("ask_to_untie", Boolean(said && said.length)),

    /* A step on another plan or model opens without what was learnt, or is being learnt, of an earlier one. What the
       server is asked once more, for nothing, drops its answer to what was asked before. */
    forget(step, clicks, asked, id) {
      if (!clicks || !step || step.page !== "step" || (asked && isAbout(asked, step.recipe))) return;
      const part = (name) => id.replace(/asked$/, name);
      [id, part("shown")].forEach((name) => dash_clientside.set_props(name, { data: null }));
      dash_clientside.set_props(part("begin"), { n_clicks: 0 });
      dash_clientside.set_props(part("clock"), { disabled: true, n_intervals: 0 });
      dash_clientside.set_props(part("status"), { children: [] });
    },
  };
})();
