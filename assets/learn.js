/* Lessons: which step the address means, what has been done of them, and the step on the screen. A step is a link; going
   to it asks the server for its texts and its recipe, and the explorer opens that recipe like any other. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const PROGRESS = "learn:progress"; // by lesson and step: {state, best, answer}
  const STATES = { seen: "seen", done: "done", solved: "solved", shown: "answer shown", skipped: "skipped" };
  const TASKS = { solved: "right", shown: "shown" }; // what a task is like that was done before
  const lessons = (explorer.lessons = { at: null, isKept: false, isLeft: false, isFirst: true });
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  /* Until the server says what the address means, the page says that it is on its way (assets/learn.css). */
  document.documentElement.dataset.learn = /^\/learn\/?$/.test(location.pathname) ? "list" : "step";

  /* ---- Going from step to step ---- */

  function ask() {
    dash_clientside.set_props("lesson-path", { data: { path: location.pathname, at: Date.now() } });
  }

  lessons.go = function (address) {
    const url = new URL(address, location.origin);
    if (url.pathname !== location.pathname) history.pushState(null, "", url.pathname + location.search);
    ask();
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-go]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
    event.preventDefault();
    if (link.hasAttribute("data-skips")) lessons.note("skipped");
    lessons.go(link.href);
  });
  window.addEventListener("popstate", ask);

  /* Whether the page was loaded again, and shows the step as it was left. */
  lessons.begin = function (isKept) {
    lessons.isKept = isKept;
    ask();
  };

  function show(step) {
    const task = step.hasTask ? TASKS[lessons.done(step.lesson, step.step).state] || "open" : "";
    Object.assign(byId("app").dataset, { page: step.page, panes: (step.panes || []).join(" "), task });
    lessons.hide(task === "open" ? step.hides : []);
    document.title = step.title;
    if (step.address !== location.pathname) history.replaceState(null, "", step.address + location.search);
    explorer.write("sessionStorage", "learn:at", { place: step.address });
    byId("lesson-tools").hidden = !step.hasTask;
    if (step.page === "step" && !step.hasTask && !step.does) lessons.note("seen");
  }

  /* The panes of a step are there before its graph is fitted into what they leave. */
  function open(step) {
    if (step.page === "step" && !lessons.isKept) {
      explorer.showPlayer(null);
      explorer.fitSoon();
      explorer.forgetPlans();
      explorer.openFirst(solved(step));
    }
    explorer.askAbout(step.group);
    lessons.isKept = false;
  }

  /* What a step prunes: of a goal that was met before, the plan that met it. */
  function solved(step) {
    const { answer } = lessons.done(step.lesson, step.step);
    if (!answer || answer.source !== step.recipe.source) return step.recipe;
    return { ...answer, view: step.recipe.view };
  }

  function focusOn(step) {
    if (!lessons.isFirst) byId(step.page === "step" ? "lesson-title" : "lesson-list-title").focus();
    byId("lesson").querySelector(".lesson-body").scrollTop = 0;
    lessons.isFirst = false;
  }

  /* ---- What has been done ---- */

  const progress = () => explorer.read("localStorage", PROGRESS) || {};
  lessons.done = (lesson, step) => (progress()[lesson] || {})[step] || {};

  /* Notes what was done of a step; what is solved stays so. `answer` is what solved it. */
  lessons.note = function (state, { score, answer } = {}) {
    const { lesson, step } = lessons.at;
    const [known, before] = [progress(), lessons.done(lesson, step)];
    const best = typeof score === "number" ? Math.min(score, before.best ?? 1) : before.best;
    const isKept = before.state === "solved" && state !== "solved";
    const said = { state: isKept ? before.state : state, best, answer: isKept ? before.answer : answer };
    const now = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined && value !== null));
    explorer.write("localStorage", PROGRESS, { ...known, [lesson]: { ...known[lesson], [step]: now } });
    mark();
  };

  function markStop(stop) {
    const { state } = lessons.done(stop.closest("[data-lesson]").dataset.lesson, stop.dataset.step);
    stop.dataset.state = state || "";
    stop.querySelector("[data-stop-state]").textContent = state ? ", " + STATES[state] : "";
  }

  /* A lesson goes on at its first step that is not done. */
  function markLesson(row) {
    const { lesson, steps } = row.dataset;
    const names = steps.split(" ");
    const left = names.filter((step) => !lessons.done(lesson, step).state);
    const skipped = names.filter((step) => lessons.done(lesson, step).state === "skipped").length;
    const done = names.length - left.length;
    row.dataset.state = done === names.length ? "done" : done ? "begun" : "";
    row.href = "/learn/" + lesson + "/" + (left.length ? left[0] : names[0]);
    const missed = skipped ? `, ${skipped} skipped` : "";
    const whole = skipped ? "done" : "done ✓";
    row.querySelector("[data-progress]").textContent = !done ? "" : (left.length ? `${done} of ${names.length} done` : whole) + missed;
  }

  const isDone = () => ["solved", "shown", "done"].includes(lessons.done(lessons.at.lesson, lessons.at.step).state);

  /* The way on skips what there is to do until that is done, or its answer is shown. */
  function markWay(way) {
    if (isDone()) way.querySelector("[data-name]").textContent = way.dataset.solved;
    way.toggleAttribute("data-skips", !isDone());
  }

  function mark() {
    all(".stop").forEach(markStop);
    all(".catalogue-row").forEach(markLesson);
    all(".way[data-solved]").forEach(markWay);
    all(".lesson-does").forEach((line) => (line.dataset.state = isDone() ? "done" : "open"));
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.lessons = Object.assign(window.dash_clientside.lessons || {}, {
    turned(step) {
      if (!step) return;
      Object.assign(lessons, { at: step, isLeft: lessons.isKept }); // as it was left, by a reload
      lessons.clear();
      show(step);
      lessons.followPresenting();
      requestAnimationFrame(() => {
        mark();
        open(step);
        focusOn(step);
      });
    },
  });
})();
