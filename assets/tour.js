/* The tour of a first visit: a card that leads through the screen and sets off what it speaks of. Everything else can be
   used while it is open. It begins by itself once in a browser, and from the help as often as somebody wants. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const KEY = "explorer:tour";
  const [EDGE, GAP, MARGIN] = [4, 12, 8]; // pixels around what is pointed at, from there to the card, from the card to the window
  const tour = { at: -1, before: null, opened: "", drawn: "" };

  const card = () => document.getElementById("tour");
  const marks = () => document.getElementById("tour-marks");
  const steps = () => [...card().querySelectorAll("[data-tour-step]")];
  const button = (what) => card().querySelector(`[data-tour=${what}]`);
  const isOpen = () => tour.at >= 0;
  const isStill = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  /* Whether this browser has seen it, or cannot remember that it has: then it would begin with every visit. */
  function isKnown() {
    try {
      return window.localStorage.getItem(KEY) !== null;
    } catch {
      return true;
    }
  }

  function remember() {
    try {
      window.localStorage.setItem(KEY, "ended");
    } catch {
      /* see isKnown */
    }
  }

  /* ---- What a step speaks of ---- */

  function selectGroup() {
    const { selection, preview } = explorer.graph;
    if (selection.kind === "group" || !preview) return;
    const [name] = Object.keys(preview.groups);
    if (name) explorer.select({ kind: "group", name, groups: [name], via: "list" });
  }

  function targets() {
    const group = CSS.escape(explorer.graph.selection.name || "");
    const points = steps()[tour.at].dataset.tourPoints.split("|").map((point) => point.replace("{group}", group));
    const found = points.map((point) => document.querySelector(point)).filter((each) => each && each.checkVisibility());
    return found.map((each) => each.getBoundingClientRect()).filter((box) => box.bottom > 0 && box.top < innerHeight);
  }

  /* A pane that the step before opened closes again. */
  function openPane(side) {
    if (tour.opened && tour.opened !== side) explorer.closePane(tour.opened);
    if (tour.opened !== side) tour.opened = "";
    if (!side || explorer.isPaneOpen(side)) return;
    explorer.openPane(side);
    tour.opened = side;
  }

  function prepare({ tourPane, tourGroup, tourPoints }) {
    dash_clientside.set_props("centre-view", { value: "graph" });
    openPane(tourPane);
    if (tourGroup === "true") selectGroup();
    const first = document.querySelector(tourPoints.split("|")[0].replace("{group}", CSS.escape(explorer.graph.selection.name || "")));
    if (first) first.scrollIntoView({ block: "center", behavior: isStill() ? "instant" : "smooth" });
  }

  /* ---- Where the card stands ---- */

  const grown = ({ left, top, right, bottom }) => ({
    left: Math.max(left - EDGE, 0), top: Math.max(top - EDGE, 0),
    right: Math.min(right + EDGE, innerWidth), bottom: Math.min(bottom + EDGE, innerHeight),
  });
  const within = (value, size, room) => Math.max(MARGIN, Math.min(value, room - size - MARGIN));

  /* Beside what is pointed at, above or below it, or else in its lower right corner. */
  function placeOf(boxes, { w, h }) {
    const around = {
      left: Math.min(...boxes.map((box) => box.left)), right: Math.max(...boxes.map((box) => box.right)),
      top: Math.min(...boxes.map((box) => box.top)), bottom: Math.max(...boxes.map((box) => box.bottom)),
    };
    const middle = (around.left + around.right - w) / 2;
    if (around.left > w + GAP + MARGIN) return { x: around.left - w - GAP, y: (around.top + around.bottom - h) / 2 };
    if (around.top > h + GAP + MARGIN) return { x: middle, y: around.top - h - GAP };
    if (innerHeight - around.bottom > h + GAP + MARGIN) return { x: middle, y: around.bottom + GAP };
    return { x: around.right - w - 2 * GAP, y: around.bottom - h - 4 * GAP };
  }

  const corners = ({ left, top, right, bottom }) => `M${left} ${top}H${right}V${bottom}H${left}Z`;

  function surround(ring, box) {
    ring.hidden = !box;
    if (!box) return;
    const size = { left: box.left, top: box.top, width: box.right - box.left, height: box.bottom - box.top };
    Object.entries(size).forEach(([name, value]) => (ring.style[name] = value + "px"));
  }

  function draw() {
    if (!isOpen()) return;
    requestAnimationFrame(draw);
    const boxes = targets().map(grown);
    const size = { w: card().offsetWidth, h: card().offsetHeight };
    const drawn = JSON.stringify([boxes, size, innerWidth, innerHeight]);
    if (drawn === tour.drawn) return;
    tour.drawn = drawn;
    const holes = boxes.map(corners).join("");
    const whole = corners({ left: 0, top: 0, right: innerWidth, bottom: innerHeight });
    marks().querySelector(".tour-veil").style.clipPath = `path(evenodd, "${whole}${holes}")`;
    marks().querySelectorAll(".tour-ring").forEach((ring, number) => surround(ring, boxes[number]));
    const wanted = boxes.length ? placeOf(boxes, size) : { x: (innerWidth - size.w) / 2, y: innerHeight };
    card().style.left = within(wanted.x, size.w, innerWidth) + "px";
    card().style.top = within(wanted.y, size.h, innerHeight) + "px";
  }

  /* ---- From step to step ---- */

  function show(at) {
    const [last, focused] = [steps().length - 1, document.activeElement];
    tour.at = Math.max(0, Math.min(at, last));
    steps().forEach((step, place) => (step.hidden = place !== tour.at));
    const isLast = tour.at === last;
    const hidden = { back: tour.at === 0, next: isLast, done: !isLast, skip: isLast, own: !isLast };
    Object.entries(hidden).forEach(([what, isHidden]) => button(what) && (button(what).hidden = isHidden));
    prepare(steps()[tour.at].dataset);
    if (!focused || focused.hidden || !card().contains(focused)) button(isLast ? "done" : "next").focus();
  }

  function begin() {
    const isFresh = !isOpen();
    if (!card()) return;
    if (isFresh) tour.before = document.activeElement;
    [tour.drawn, card().hidden, marks().hidden] = ["", false, false];
    show(0);
    if (isFresh) draw();
  }

  /* The focus goes back to where it was, or to the help, from where the tour begins again. */
  function end() {
    remember();
    openPane("");
    [tour.at, card().hidden, marks().hidden] = [-1, true, true];
    const isThere = tour.before && tour.before !== document.body && tour.before.isConnected;
    (isThere ? tour.before : document.getElementById("help")).focus();
  }

  /* Once the help is gone, which gives the focus back first. */
  function beginAfterHelp() {
    if (document.querySelector("[role=dialog]:has([data-tour=begin])")) requestAnimationFrame(beginAfterHelp);
    else begin();
  }

  const ACTIONS = {
    begin() {
      dash_clientside.set_props("help-dialog", { opened: false });
      beginAfterHelp();
    },
    back: () => show(tour.at - 1),
    next: () => show(tour.at + 1),
    skip: end,
    done: end,
    own() {
      end();
      dash_clientside.set_props("own-dialog", { opened: true });
    },
  };

  document.addEventListener("click", (event) => {
    const asked = event.target.closest("[data-tour]");
    if (asked) ACTIONS[asked.dataset.tour]();
  });

  /* Escape belongs to what is on top: a menu or a dialog, then the tour, then the selection. */
  document.addEventListener(
    "keydown",
    (event) => {
      const isMine = card() && (card().contains(event.target) || event.target === document.body || event.target.closest("#graph-box"));
      if (event.key !== "Escape" || !isOpen() || !isMine) return;
      event.stopImmediatePropagation();
      end();
    },
    true
  );

  /* A page shows what it shows first: no link was followed, no earlier state came back. */
  explorer.welcome = function () {
    if (card() && !isKnown() && explorer.recipe().view.selection.kind === "group") begin();
  };
})();
