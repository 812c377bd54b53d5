/* What of the screen waits for the answer to a task, since the answer could be read off it: `hidden` in
   explorer/lessons/hiding.py says which parts. They are put away while the task is open (assets/learn_task.css), and say so. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const lessons = explorer.lessons;
  const NOTES = {
    inspector: ["#right .inspector", "What the inspector says is shown once you have answered."],
    matrices: ['#centre > [data-view="matrices"]', "The matrices are shown once you have answered."],
    sliders: [".drawer", "The groups and their sliders are shown once you have answered."],
  };
  const app = () => document.getElementById("app");
  const LOCKED = ".port.frozen, .flow.frozen";
  const LATER = "frozen-later";
  const BY_HAND = ["ratio", "keep", "ties"];

  lessons.hides = (part) => Boolean(app() && (app().dataset.hides || "").split(" ").includes(part));

  /* Puts parts away, or none, and shows again what was. */
  lessons.hide = function (parts) {
    const isRoomier = lessons.hides("sliders") && !parts.includes("sliders");
    app().dataset.hides = parts.join(" ");
    if (isRoomier) requestAnimationFrame(() => explorer.fit()); // into what the sliders leave
    followInspector();
    Object.values(NOTES).forEach(([holder, words]) => note(document.querySelector(holder), words));
    explorer.hideTip();
    explorer.sayChannels();
    explorer.repaint();
    lessons.hideLocks();
  };

  /* Where the window is narrow, the inspector lies over the graph: it is there once it has something to say. */
  function followInspector() {
    if (!app().dataset.panes.split(" ").includes("inspector")) return;
    if (lessons.hides("inspector")) explorer.leavePane("right");
    else explorer.openPane("right");
  }

  function note(holder, words) {
    if (!holder || holder.querySelector(":scope > .waits-note")) return;
    holder.append(Object.assign(document.createElement("p"), { className: "waits-note", textContent: words }));
  }

  /* In the graph, what is frozen looks like anything else while it is asked for. */
  lessons.hideLocks = function () {
    const cy = explorer.cy();
    if (!cy) return;
    const [from, to] = lessons.hides("locks") ? ["frozen", LATER] : [LATER, "frozen"];
    const found = cy.elements(lessons.hides("locks") ? LOCKED : "." + LATER);
    cy.batch(() => found.removeClass(from).addClass(to));
  };

  /* What is selected is told by its border alone while the colour of its group would give the answer away. */
  const { slots, coupling, askChange } = explorer;
  explorer.slots = (selection, pins) => (lessons.hides("colours") ? new Map() : slots(selection, pins));
  explorer.coupling = (data) => (lessons.hides("colours") || lessons.hides("locks") ? "" : coupling(data));

  /* Keys move sliders, too; and channels and ties are chosen in the inspector. */
  explorer.askChange = (change) => (BY_HAND.includes(change.kind) && lessons.hides("sliders") ? undefined : askChange(change));
  explorer.fixedChannels = () => (lessons.hides("sliders") ? "You can drop and keep bars once you have answered." : "");
})();
