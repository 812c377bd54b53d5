/* The task of a step: its controls are read and marked here, what is right the server says. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const lessons = explorer.lessons;
  const SIGNS = { right: "yes", missing: "add", extra: "no" };
  const GAP = 8; // pixels
  const TOLD = { right: "solved", shown: "shown" };
  const task = { asked: 0, recalled: 0, left: null }; // the form that was left stays until the page takes it away
  const byId = (id) => document.getElementById(id);
  const form = () => {
    const found = document.querySelector("#lesson-task form");
    return found === task.left ? null : found;
  };
  const control = () => (form() ? form().dataset.control : "");
  const fields = () => (form() ? [...form().elements].filter((field) => field.name === "answer") : []);
  const picked = () => fields().filter((field) => field.checked).map((field) => field.value);

  const ANSWERS = {
    several: picked,
    one: () => picked()[0] ?? null,
    number: () => (fields()[0].value === "" ? null : Number(fields()[0].value)),
    plan: () => null,
  };
  const FILLS = {
    several: (answer) => fields().forEach((field) => (field.checked = answer.includes(field.value))),
    one: (answer) => fields().forEach((field) => (field.checked = field.value === answer)),
    number: (answer) => (fields()[0].value = answer),
    plan: (answer) => explorer.restore({ recipe: { ...answer, view: { pins: explorer.recipe().view.pins } }, why: "undo" }),
  };

  function ask(want) {
    if (form()) tell({ want, answer: want === "check" ? ANSWERS[control()]() : null });
  }

  function tell(what) {
    task.asked += 1;
    const { lesson, step } = lessons.at;
    dash_clientside.set_props("lesson-answer", { data: { lesson, step, at: task.asked, ...what } });
  }

  const stateOf = () => byId("app").dataset.task;

  /* A task that was done before is told as it was then. A plan that a reload brought back may be another one by now. */
  function recall() {
    if (task.recalled || !form() || !TOLD[stateOf()]) return;
    const { answer } = lessons.done(lessons.at.lesson, lessons.at.step);
    tell({ want: "recall", was: stateOf(), answer: control() === "plan" && lessons.isLeft ? null : answer ?? null });
    task.recalled = task.asked;
  }

  /* ---- Which options are picked, and what was said of them ---- */

  const rowOf = (name) => form() && form().querySelector(`[data-option="${CSS.escape(name)}"]`);

  function sign(name, word) {
    const icon = Object.assign(document.createElement("span"), { className: "icon icon-" + name, ariaHidden: "true" });
    const holder = Object.assign(document.createElement("span"), { className: "sign-word is-" + name });
    holder.append(icon, word);
    return holder;
  }
  lessons.sign = (state, word) => sign(SIGNS[state], word);

  function markRow({ name, state, word, reason }) {
    const row = rowOf(name);
    if (!row) return;
    Object.assign(row.dataset, { state, word });
    row.querySelector("[data-said]").replaceChildren(lessons.sign(state, word), " ", reason);
  }

  function unmark(row) {
    delete row.dataset.state;
    row.querySelector("[data-said]").replaceChildren();
  }

  const unmarkAll = () => form() && form().querySelectorAll(".option[data-state]").forEach(unmark);

  /* What the graph shows: of each option its layer, whether it is picked, and what was said of it. */
  lessons.options = () =>
    fields()
      .map((field) => [field, field.closest("[data-layer]")])
      .filter(([, row]) => row)
      .map(([field, { dataset }]) => ({
        name: field.value, layer: dataset.layer, isPicked: field.checked, state: dataset.state || "", word: dataset.word,
      }));

  /* Picks or drops the option that a layer or a port of the graph stands for; whether there is one. */
  lessons.tap = function (layer, port) {
    if (control() !== "several" || stateOf() !== "open") return false;
    const of = fields().filter((field) => field.value === port);
    const own = of.length ? of : fields().filter((field) => (field.closest("[data-layer]") || { dataset: {} }).dataset.layer === layer);
    if (own.length !== 1) return own.length > 1;
    own[0].click();
    own[0].closest(".option").scrollIntoView({ block: "nearest" });
    return true;
  };

  /* An option that is picked or dropped is a new one: what was said of it no longer holds. */
  document.addEventListener("change", (event) => {
    if (!event.target.closest("#lesson-task form")) return;
    const row = event.target.closest(".option");
    if (event.target.type === "radio") unmarkAll();
    else if (row) unmark(row);
    explorer.markOptions();
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.closest("#lesson-task")) return;
    event.preventDefault();
    ask("check");
  });

  /* ---- Hint ---- */

  /* Above what stays at the lower edge of the pane. */
  function bringIntoSight(part) {
    part.style.scrollMarginBottom = byId("lesson-tools").offsetHeight + GAP + "px";
    part.scrollIntoView({ block: "nearest" });
  }

  function showHint(isShown) {
    const hint = form() && form().querySelector(".task-hint");
    if (hint) hint.hidden = !isShown;
    if (hint && isShown) bringIntoSight(hint);
    byId("lesson-hint").setAttribute("aria-expanded", String(isShown));
  }

  /* ---- What was said ---- */

  function clearVerdict() {
    showHint(false);
    dash_clientside.set_props("lesson-verdict", { data: null });
    dash_clientside.set_props("lesson-answer", { data: null });
    dash_clientside.set_props("lesson-solution", { hidden: true });
    byId("lesson-check").textContent = "Check";
  }

  lessons.clear = function () {
    clearVerdict();
    Object.assign(task, { left: form() || task.left, recalled: 0 });
    explorer.markOptions();
    ["lesson-task", "lesson-conditions"].forEach((name) => dash_clientside.set_props(name, { children: [] }));
  };

  /* The task as if it had not been answered yet; that it was solved stays known. */
  function retry() {
    task.asked += 1; // what is still said of an earlier answer comes too late
    clearVerdict();
    byId("app").dataset.task = "open";
    lessons.hide(lessons.at.hides);
    unmarkAll();
    fields().forEach((field) => (field.type === "number" ? (field.value = "") : (field.checked = false)));
    if (control() === "plan") FILLS.plan(lessons.at.recipe);
    explorer.markOptions();
    (fields()[0] || byId("lesson-check")).focus();
  }

  const isCurrent = (verdict) =>
    verdict && lessons.at && verdict.lesson === lessons.at.lesson && verdict.step === lessons.at.step && verdict.at === task.asked;

  function take(verdict) {
    const done = TOLD[verdict.state];
    byId("app").dataset.task = done ? verdict.state : "open";
    if (done || (control() === "number" && verdict.marks.length)) lessons.hide([]); // a prediction is told the number
    if (done) lessons.note(done, verdict);
    const isKept = verdict.at === task.recalled; // then the plan is on the page already
    if (isKept ? control() !== "plan" : verdict.state === "shown") FILLS[control()](verdict.answer);
    if (verdict.state === "wrong") dash_clientside.set_props("lesson-solution", { hidden: false });
    if (verdict.state === "right" || verdict.state === "wrong") byId("lesson-check").textContent = "Check again";
    unmarkAll();
    verdict.marks.forEach(markRow);
    explorer.markOptions();
  }

  /* The best score of a game, this one counted. */
  document.addEventListener("drawn", (event) => {
    const best = event.target.querySelector("[data-best]");
    const known = best && lessons.at && lessons.done(lessons.at.lesson, lessons.at.step).best;
    if (typeof known === "number") best.textContent = `Your best so far: ${(100 * known).toFixed(1)} % left. Prune more and check again to beat it.`;
  });

  /* The controls are there; or more was said, which is below all that one reads. */
  document.addEventListener("drawn", (event) => {
    if (event.target.closest("#lesson-task")) {
      explorer.markOptions();
      recall();
    }
    const more = event.target.closest("#lesson-more");
    const isNews = task.asked !== task.recalled; // a step that is opened again is read from its beginning
    if (more && more.textContent && isNews) byId("lesson-more").scrollIntoView({ block: "nearest" });
  });

  document.addEventListener("click", (event) => {
    const mover = event.target.closest("[data-ratios]");
    if (!mover) return;
    const { dataset } = byId("app");
    if (!dataset.panes.split(" ").includes("groups")) dataset.panes += " groups"; // where the sliders are
    explorer.askChange({ kind: "ratios", ratios: JSON.parse(mover.dataset.ratios) });
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.lessons = Object.assign(window.dash_clientside.lessons || {}, {
    check: (clicks) => clicks && ask("check"),
    solution: (clicks) => clicks && ask("solution"),
    retry: (clicks) => clicks && retry(),
    hint: (clicks) => clicks && showHint(byId("lesson-hint").getAttribute("aria-expanded") !== "true"),
    judged(verdict) {
      const { no_update } = window.dash_clientside;
      if (!isCurrent(verdict)) return verdict ? [no_update, no_update] : [[], []];
      if (verdict.marks) take(verdict);
      return [verdict.said, verdict.more || []];
    },
  });
})();
