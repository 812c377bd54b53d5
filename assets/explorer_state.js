/* What people change, on its way to the server and back: the last value wins, and nothing queues up. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const PAUSE = 40; // milliseconds between two questions
  const CALM = 60; // after a change, the slower parts follow so much later
  const REST = 400; // and while a slider is held, once it has rested for so long
  const PATIENCE = 3000; // after this the answer is taken for lost, and what it was about is asked again
  const TRIES = 3;
  const line = { queue: [], sent: [], asked: 0, misses: 0, timer: 0, serial: 0, epoch: 0, isOpening: false, source: null };
  const shown = {}; // what the controls above the grid show
  let preview = null; // the last one

  const target = (change) => change.kind + ":" + (change.group || change.groups || "");

  /* Of each target the last change, in the order in which they were made. */
  function joined(list, change) {
    const before = list.find((other) => target(other) === target(change));
    const merged = change.kind === "options" ? { ...before, ...change } : change;
    return [...list.filter((other) => other !== before), merged];
  }

  function send() {
    clearTimeout(line.timer);
    if (!line.queue.length || line.isOpening) return;
    const since = performance.now() - line.asked;
    const wait = line.sent.length ? PATIENCE - since : PAUSE - since;
    if (wait > 0) {
      line.timer = setTimeout(send, wait);
      return;
    }
    line.asked = performance.now();
    line.misses = line.sent.length ? line.misses + 1 : 0;
    line.sent = line.queue.reduce(joined, line.misses < TRIES ? line.sent : []);
    line.queue = [];
    line.serial += 1;
    line.madeIn = line.gesture;
    dash_clientside.set_props("change", { data: { changes: line.sent, serial: line.serial, epoch: line.epoch } });
  }

  explorer.askChange = function (change) {
    line.queue = joined(line.queue, change);
    line.gesture = explorer.gesture();
    explorer.keepUnanswered();
    send();
  };

  /* Opens a model, or goes to a recipe. Each opens a new epoch: what was asked before it is answered for nothing.
     `named` is the model of a recipe that only the server reads. */
  explorer.restore = function (what, named) {
    line.epoch += 1;
    [line.sent, line.queue, line.isOpening, line.asking] = [[], [], true, [what, named]];
    explorer.keepUnanswered();
    dash_clientside.set_props("failure", { children: [] });
    const source = what.source || (what.recipe ? what.recipe.source : named);
    const isOther = source !== undefined && source !== line.source;
    line.opening = source;
    if (isOther) dash_clientside.set_props("app", { "data-busy": "opening" });
    if (isOther && !source.startsWith("session:")) dash_clientside.set_props("picker", { value: source }); // which is on its way
    dash_clientside.set_props("restore", { data: { ...what, panels: explorer.keptView(), epoch: line.epoch, shown: line.source } });
  };
  explorer.isOpening = () => line.isOpening;
  explorer.isBeginning = () => line.isOpening && line.asking[0].why === "lesson"; // a step of a lesson
  explorer.opening = () => line.opening; // which model, while another one is opened
  explorer.retry = () => explorer.restore(...line.asking);

  function restored(answer) {
    [line.isOpening, line.opening] = [false, null];
    dash_clientside.set_props("app", { "data-busy": "" });
    if (!answer.isMade) answer.set.picker = line.source;
    if (!answer.isMade) stay();
    if (answer.set.choices) dash_clientside.set_props("picker", { data: answer.set.choices });
    send();
  }

  /* The model that was shown before goes on being shown; what was left of a reload was for the other one. */
  function stay() {
    if (line.asking[0].why === "reload") line.queue = [];
    explorer.recordFirst();
  }

  /* What was measured of another recipe than the one on the screen is faint until that is measured. */
  function fadeMeasured() {
    const card = document.getElementById("accuracy");
    if (card) card.dataset.stale = String(preview !== null && line.measured !== preview.key);
  }

  explorer.unanswered = () => [...line.sent, ...line.queue];

  function pending(kind) {
    return explorer.unanswered().filter((change) => change.kind === kind).pop();
  }

  /* The controls show the recipe, except the one that a hand is on. */
  function syncControls() {
    if (!preview || line.isDown || line.sent.length || line.queue.length) return;
    const { importance, round_to, minimum, reduction, normalise, every } = preview.controls;
    const wanted = { criterion: importance, "round-to": round_to, minimum, reduction, normaliser: normalise, uniform: Math.min(every, 95) };
    Object.entries(wanted).forEach(([id, value]) => {
      if (shown[id] === value || document.activeElement.id === id) return;
      shown[id] = value;
      dash_clientside.set_props(id, { value });
    });
  }

  ["pointerdown", "pointerup", "pointercancel"].forEach((name) =>
    window.addEventListener(
      name,
      () => {
        line.isDown = name === "pointerdown";
        if (!line.isDown) setTimeout(syncControls, REST);
      },
      true
    )
  );

  /* An entry that is no number is told of and taken back when it is left. */
  document.addEventListener("focusout", (event) => {
    const name = { "round-to": "round_to", minimum: "minimum" }[event.target.id];
    if (!name) return;
    const isCount = /^[0-9]+$/.test(event.target.value) && Number(event.target.value) > 0;
    if (!isCount) explorer.askChange({ kind: "options", [name]: event.target.value });
    setTimeout(syncControls, REST);
  });

  explorer.toggle = function (path) {
    explorer.toggled(path);
    dash_clientside.set_props("toggled", { data: { path, at: Date.now() } });
  };

  /* Drawing the graph and the chart and measuring take longer than a step of a slider: they follow when it rests. What
     the page came with is settled. */
  function settle(isFirst) {
    explorer.showPreview(preview);
    line.settled = preview.key;
    if (!isFirst) dash_clientside.set_props("settled", { data: preview.key });
    syncControls();
  }

  function answered(serial) {
    if (serial !== line.serial) return;
    [line.sent, line.misses] = [[], 0];
    explorer.keepUnanswered();
    setTimeout(() => [explorer.fillGrid, syncControls].forEach((show) => show(preview)), CALM); // what was refused is taken back
    send();
  }

  const nothing = () => window.dash_clientside.no_update;

  /* Anything with data-pick selects a layer or group, with data-toggle opens or closes a module, with data-why explains. */
  document.addEventListener("click", (event) => {
    const asked = event.target.closest("[data-why]");
    if (asked) dash_clientside.set_props("why", { data: JSON.parse(asked.dataset.why) });
    const toggled = event.target.closest("[data-toggle]");
    if (toggled) {
      explorer.toggle(toggled.dataset.toggle);
      return;
    }
    const row = event.target.closest("[data-pick]");
    if (!row) return;
    const at = row.dataset.pick.indexOf(":");
    const [kind, name] = [row.dataset.pick.slice(0, at), row.dataset.pick.slice(at + 1)];
    const groups = JSON.parse(row.dataset.groups || "[]");
    explorer.select({ kind, name, groups, via: "list" });
  });

  /* Keys belong to a field that takes text; a slider or a switch takes none. */
  explorer.isTyping = function (target) {
    if (!target || !target.tagName) return false;
    const isTextInput = target.tagName === "INPUT" && !/^(range|radio|checkbox|button)$/.test(target.type);
    return target.isContentEditable || isTextInput || /^(TEXTAREA|SELECT)$/.test(target.tagName);
  };

  /* What is typed into the model picker replaces the name in it, however soon it is typed: a click that brings the focus
     sets the caret before it is told of, so the name is selected then. */
  let entered = null;
  document.addEventListener("focusin", (event) => {
    entered = event.target.id === "picker" ? event.target : null;
    if (entered) entered.select();
  });
  document.addEventListener("click", (event) => {
    if (entered && event.target === entered) entered.select();
    entered = null;
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || explorer.isTyping(event.target)) return;
    const search = document.getElementById("search");
    if (event.key === "/" && search && search.offsetParent) { // where lessons are taught there is none
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && !event.target.closest("[role=dialog]")) {
      explorer.select({});
    } else if (event.key === "?") {
      dash_clientside.set_props("help-dialog", { opened: true });
    }
  });

  window.dash_clientside = window.dash_clientside || {};
  Object.assign((window.dash_clientside.explorer = window.dash_clientside.explorer || {}), {
    highlight(selection, pins) {
      explorer.highlight(selection, pins);
      explorer.paneFor(selection || {});
    },
    showPreview(latest) {
      if (!latest) return;
      const isFirst = preview === null;
      preview = latest;
      explorer.fillGrid(preview);
      if (isFirst) line.settled = line.measured = preview.key;
      fadeMeasured();
      clearTimeout(line.settling);
      line.settling = setTimeout(settle, isFirst ? 0 : explorer.isHeld ? REST : CALM, isFirst);
    },
    /* What was measured belongs to the recipe that was settled when it came. */
    measured() {
      line.measured = line.settled;
      fadeMeasured();
    },
    /* Hands an answer on to what holds its parts, unless something else was opened since it was asked for. */
    take(answer) {
      const outputs = window.dash_clientside.callback_context.outputs_list;
      if (!answer || answer.epoch !== line.epoch) return outputs.map(nothing);
      explorer.answeredGesture = answer.serial ? line.madeIn : null;
      if (answer.serial) answered(answer.serial);
      else restored(answer);
      if (answer.set.panels) explorer.showPanels(answer.set.panels, "opened" in answer.set);
      return outputs.map(({ id }) => (id in answer.set ? answer.set[id] : nothing()));
    },
    pick(source, shown) {
      if (source && source !== shown && source !== line.source && source !== line.opening) explorer.restore({ source, why: "pick" });
    },
    /* Back to what is shown: the answer comes for nothing, and the server hears that nobody waits for it. */
    cancelOpening(clicks) {
      if (!clicks || !line.isOpening) return nothing();
      const source = line.opening;
      line.epoch += 1;
      restored({ isMade: false, set: {} });
      dash_clientside.set_props("picker", { value: line.source });
      explorer.addressFollows();
      return source;
    },
    newModel(source) {
      if (line.source && line.source !== source) dash_clientside.set_props("accuracy", { children: [] }); // that of another model
      line.source = source;
      explorer.newModel(source);
    },
    drawn() {
      explorer.drawn();
    },
    pin(clicks, selection, pins) {
      if (!clicks || selection.kind !== "group") return nothing();
      const kept = (pins || []).filter((name) => name !== selection.name);
      return kept.length < (pins || []).length ? kept : [...kept, selection.name].slice(0, 8);
    },
    repaint() {
      explorer.repaint();
    },
    shade(mode) {
      explorer.shade(mode);
    },
    opened(opened) {
      explorer.opened(opened);
    },
    view() {
      const trigger = window.dash_clientside.callback_context.triggered_id;
      if (trigger === "graph-fit") explorer.fit(true);
      if (trigger === "graph-in") explorer.zoom(1.25);
      if (trigger === "graph-out") explorer.zoom(0.8);
      if (trigger === "graph-zoom") explorer.zoomToSelection();
    },
    every(percent) {
      shown.uniform = percent;
      const asked = pending("every");
      const known = asked ? Math.round(100 * asked.ratio) : preview && Math.min(preview.controls.every, 95);
      if (typeof percent === "number" && percent !== known) explorer.askChange({ kind: "every", ratio: percent / 100 });
    },
    options(importance, roundTo, minimum, reduction, normalise) {
      Object.assign(shown, { criterion: importance, "round-to": roundTo, minimum, reduction, normaliser: normalise });
      const known = { ...(preview && preview.controls), ...pending("options") };
      const wanted = Object.entries({ importance, round_to: roundTo, minimum, reduction, normalise });
      const isSet = (value) => typeof value === "string" || (Number.isInteger(value) && value > 0);
      const isLate = ([name, value]) => name === "importance" && explorer.needsData(value); // what it needs is measured first
      const news = wanted.filter(([name, value]) => isSet(value) && value !== known[name]);
      if (news.some(isLate)) explorer.askScores(importance);
      const changed = news.filter((each) => !isLate(each));
      if (changed.length) explorer.askChange({ kind: "options", ...Object.fromEntries(changed) });
    },
  });
})();
