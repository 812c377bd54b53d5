/* Plays a propagation on the live graph: what was reached keeps its hue, the step that happens now stands out, the rest
   is neutral. A step is a position from 0 (only the first port) to the number of steps; nothing is asked of the server. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const PACE = 1300; // milliseconds a step at normal speed
  const BEAT = 450;
  const MARGIN = 20; // pixels more than usual that a step keeps from the edge of what is in sight
  const CLASSES = ["reached", "unreached", "now", "moving", "beat"];
  const WORDS = { start: "start", inter: "inter-layer", intra: "intra-layer" };
  const player = { recorded: null, position: 0, speed: 1, timer: 0, beat: 0, isDue: false };

  const panel = () => document.getElementById("player");
  const isOpen = () => Boolean(player.recorded) && !panel().hidden;
  const isStill = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const spoken = (port) => port.slice(0, -1) + (port.endsWith("-") ? " f\u2212" : " f+");
  const steps = () => player.recorded.steps;

  /* The box that stands for a layer: its own, or that of the closed module around it. */
  function boxOf(cy, layer) {
    const own = cy.getElementById("layer:" + layer);
    if (own.nonempty()) return own;
    const around = (player.recorded.parents[layer] || "").split(".");
    const folds = around.map((_, depth) => cy.getElementById("fold:" + around.slice(0, depth + 1).join(".")));
    return folds.find((fold) => fold.nonempty()) || cy.collection();
  }

  /* What a port lights up: its segments that carry a travelling group, or the box where ports do not show. */
  function lightsOf(cy, port) {
    const box = boxOf(cy, port.slice(0, -1));
    const travelling = player.recorded.groups;
    const segments = box.children().filter((node) =>
      node.data("port") === port && node.data("groups").some((group) => travelling.includes(group)));
    return segments.nonempty() ? segments : box;
  }

  function edgeOf(cy, step) {
    const [a, b] = [step.source, step.target].map((port) => boxOf(cy, port.slice(0, -1)).id());
    return step.kind === "inter" ? cy.edges().filter((edge) => {
      const ends = [edge.source().id(), edge.target().id()];
      return a !== b && ends.includes(a) && ends.includes(b);
    }) : cy.collection();
  }

  /* The boxes, ports and edges that the first steps have reached, and those of the step that happens now. */
  function lit(cy, position) {
    const done = steps().slice(0, position);
    const ports = [player.recorded.port, ...done.map((step) => step.target)].map((port) => lightsOf(cy, port));
    const edges = done.map((step) => edgeOf(cy, step));
    const step = done[done.length - 1];
    const now = step
      ? lightsOf(cy, step.source).union(lightsOf(cy, step.target)).union(edgeOf(cy, step))
      : lightsOf(cy, player.recorded.port);
    const reached = [...ports, ...edges].reduce((all, some) => all.union(some), cy.collection());
    return { reached, now, layers: reached.nodes(".port").parent() };
  }

  function paint() {
    const cy = window.explorerCy;
    if (!cy || !player.recorded) return;
    const { reached, now, layers } = lit(cy, player.position);
    const near = reached.union(layers);
    cy.batch(() => {
      cy.elements().not(".module").forEach((element) => {
        const isNear = near.has(element);
        element.toggleClass("reached", isNear);
        element.toggleClass("unreached", !isNear);
        element.toggleClass("now", now.has(element));
        element.toggleClass("moving", now.has(element) && !isStill());
      });
    });
    beat(now);
    follow(cy, now.nodes());
  }

  /* A few beats and a march along the edge, in the direction in which the propagation goes. */
  function beat(now) {
    clearInterval(player.beat);
    if (isStill()) return;
    let left = 4;
    player.beat = setInterval(() => {
      now.nodes().toggleClass("beat", left % 2 === 0);
      left -= 1;
      if (left < 0) clearInterval(player.beat);
    }, BEAT);
    const step = steps()[player.position - 1];
    const from = step && boxOf(window.explorerCy, step.source.slice(0, -1)).id();
    now.edges().forEach((edge) => {
      const way = edge.source().id() === from ? -60 : 60;
      edge.stop(true).style("line-dash-offset", 0);
      edge.animate({ style: { "line-dash-offset": way } }, { duration: 4 * BEAT, complete: () => edge.removeStyle("line-dash-offset") });
    });
  }

  /* Moves the view where the step is out of it. */
  function follow(cy, nodes) {
    if (nodes.empty()) return;
    const [box, room] = [nodes.renderedBoundingBox(), explorer.room(cy)];
    const over = (low, high, start, size) => {
      const [first, last] = [start + MARGIN, start + size - MARGIN];
      return high - low > last - first ? (first + last - low - high) / 2 : Math.max(first - low, 0) || Math.min(last - high, 0);
    };
    const by = { x: over(box.x1, box.x2, room.x, room.w), y: over(box.y1, box.y2, room.y, room.h) };
    if (!by.x && !by.y) return;
    cy.stop();
    if (isStill()) cy.panBy(by);
    else cy.animate({ panBy: by }, { duration: 260 });
  }

  function write() {
    const total = steps().length;
    const step = steps()[player.position - 1];
    const ports = step ? spoken(step.source) + "  \u2192  " + spoken(step.target) : spoken(player.recorded.port);
    const texts = {
      from: "What goes when channels of " + spoken(player.recorded.port) + " go",
      kind: WORDS[step ? step.kind : "start"],
      count: player.position + " of " + total,
      ports,
      text: step ? step.text : total ? "Pruning begins at this port." : "This port reaches no other.",
      place: step ? step.place : "",
      open: "This happens in a closed module. Open it",
    };
    panel().querySelectorAll("[data-player-text]").forEach((part) => {
      part.textContent = texts[part.dataset.playerText];
      if (part.dataset.playerText === "kind") part.className = "tag is-" + (step ? step.kind : "start");
    });
    dash_clientside.set_props("player-position", { value: player.position });
    writeClosed(step);
    writeList();
    writeTransport(total);
  }

  /* A step within a closed module cannot be seen until that opens. */
  function writeClosed(step) {
    const button = panel().querySelector(".step-open");
    const layers = step ? [step.source, step.target].map((port) => boxOf(window.explorerCy, port.slice(0, -1))) : [];
    const closed = layers.find((box) => box.hasClass("fold"));
    button.hidden = !closed;
    if (closed) button.dataset.toggle = closed.data("name");
  }

  function writeList() {
    const rows = [...panel().querySelectorAll("[data-step]")];
    explorer.rove(rows, rows[player.position]);
    rows.forEach((row) => {
      const number = Number(row.dataset.step);
      row.classList.toggle("is-done", number < player.position);
      row.classList.toggle("is-now", number === player.position);
      if (number !== player.position) return row.removeAttribute("aria-current");
      row.setAttribute("aria-current", "step");
      return row.scrollIntoView({ block: "nearest" });
    });
  }

  function writeTransport(total) {
    const isPlaying = Boolean(player.timer);
    const at = (action) => panel().querySelector("[data-player=" + action + "]");
    at("toggle").firstElementChild.className = isPlaying ? "icon icon-pause" : "icon icon-play";
    at("toggle").setAttribute("aria-pressed", String(isPlaying));
    ["first", "back"].forEach((action) => (at(action).disabled = player.position === 0));
    ["forward", "last"].forEach((action) => (at(action).disabled = player.position >= total));
  }

  function goTo(position) {
    player.position = Math.max(0, Math.min(position, steps().length));
    explorer.keepView("player", { port: player.recorded.port, step: player.position });
    write();
    paint();
  }

  function pause() {
    clearInterval(player.timer);
    player.timer = 0;
  }

  function play() {
    pause();
    if (player.position >= steps().length) player.position = 0;
    player.timer = setInterval(() => {
      if (player.position + 1 >= steps().length) pause();
      goTo(player.position + 1);
    }, PACE / player.speed);
    goTo(player.position);
  }

  const actions = {
    toggle: () => (player.timer ? (pause(), write()) : play()),
    first: () => (pause(), goTo(0)),
    back: () => (pause(), goTo(player.position - 1)),
    forward: () => (pause(), goTo(player.position + 1)),
    last: () => (pause(), goTo(steps().length)),
    close,
  };

  /* Plays what somebody asked for, or shows the step of it that a link is about. */
  function load(recorded, selection, pins, step) {
    const isAsked = step === undefined;
    const range = document.activeElement;
    player.opener = range && range.dataset && range.dataset.play;
    Object.assign(player, { recorded, position: 0, selection, pins });
    panel().hidden = false;
    document.getElementById("right").dataset.playing = "true";
    explorer.openPane("right");
    dash_clientside.set_props("player-position", { max: Math.max(recorded.steps.length, 1), value: 0 });
    explorer.highlight({ ...selection, groups: recorded.groups.slice(0, 8) }, pins);
    if (!isAsked) return goTo(step);
    dash_clientside.set_props("centre-view", { value: "graph" });
    panel().focus();
    if (isStill() || !recorded.steps.length) return goTo(0);
    return play();
  }

  function close() {
    if (!player.recorded) return;
    pause();
    clearInterval(player.beat);
    const { selection, pins } = player;
    player.recorded = null;
    panel().hidden = true;
    delete document.getElementById("right").dataset.playing;
    dash_clientside.set_props("play", { data: null });
    explorer.keepView("player", null);
    explorer.highlight(selection, pins);
    const cy = window.explorerCy;
    if (cy) cy.batch(() => cy.elements().removeClass(CLASSES.join(" ")));
    const opener = document.querySelector('[data-play="' + CSS.escape(player.opener || "") + '"]');
    if (opener) opener.focus();
  }

  /* What the view of a recipe says of the player: which port and step, or that it is closed. */
  explorer.showPlayer = function (state) {
    const shown = player.recorded && { port: player.recorded.port, step: player.position };
    if (JSON.stringify(shown) === JSON.stringify(state)) return;
    close();
    if (state) dash_clientside.set_props("play", { data: state });
  };

  document.addEventListener("click", (event) => {
    const at = (name) => event.target.closest("[" + name + "]");
    if (at("data-play")) dash_clientside.set_props("play", { data: { port: at("data-play").dataset.play, at: Date.now() } });
    else if (!player.recorded) return;
    else if (at("data-player")) actions[at("data-player").dataset.player]();
    else if (at("data-step")) (pause(), goTo(Number(at("data-step").dataset.step)));
  });

  /* Keys are the player's while it is open, unless a field, a slider, a button or the grid has the focus. */
  const KEYS = { ArrowRight: "forward", ArrowLeft: "back", Home: "first", End: "last", " ": "toggle", Escape: "close" };
  function takesKey(target, key) {
    if (key === "Escape") return false;
    if (target.closest("input, textarea, select, [role=slider], .ag-root, [role=radiogroup], [role=listbox], #lists")) return true;
    return key === " " && Boolean(target.closest("button"));
  }
  document.addEventListener(
    "keydown",
    (event) => {
      if (!isOpen() || !KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      if (takesKey(event.target, event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      actions[KEYS[event.key]]();
    },
    true
  );

  /* New elements, such as those of a module that was opened, take their part at once. */
  function watch(cy) {
    cy.on("add", () => {
      clearTimeout(player.repaint);
      player.repaint = setTimeout(() => player.recorded && goTo(player.position), 30);
    });
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.player = {
    load(_rows, recorded, selection, pins, asked) {
      if (!recorded || !recorded.steps) return;
      if (player.watched !== window.explorerCy) watch((player.watched = window.explorerCy));
      load(recorded, selection || {}, pins || [], asked && asked.step);
    },
    close,
    scrub(position) {
      if (!player.recorded || position === player.position) return;
      pause();
      goTo(position);
    },
    speed(value) {
      player.speed = Number(value);
      if (player.timer) play();
    },
  };
})();
