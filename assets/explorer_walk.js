/* Browsing by keys: along the edges of the graph, through the tree, and through the results of a search. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const graph = explorer.graph;
  const HERE = "#graph-box";
  let lastLayer = null; // whose groups g walks through

  explorer.announce = function (text) {
    const live = document.getElementById("graph-live");
    if (live) live.textContent = text;
  };

  function current() {
    const boxes = explorer.boxesOf(graph.selection);
    return boxes.length ? boxes[0] : null;
  }

  const first = () => explorer.cy().nodes(".layer, .op, .fold")[0];

  /* Straight edges before those that go around something: the main way on comes first. */
  function along(node, isForward) {
    const edges = isForward ? node.outgoers("edge") : node.incomers("edge");
    const ordered = edges.toArray().sort((a, b) => Number(a.hasClass("bent")) - Number(b.hasClass("bent")));
    return ordered.map((edge) => (isForward ? edge.target() : edge.source()));
  }

  /* The nearest box to the left or right of one. */
  function beside(node, sign) {
    const at = node.position();
    const cost = (other) => {
      const [dx, dy] = [(other.position("x") - at.x) * sign, Math.abs(other.position("y") - at.y)];
      return dx > 8 ? dx + 3 * dy : Infinity;
    };
    const others = explorer.cy().nodes(".layer, .op, .fold").toArray();
    const nearest = others.reduce((best, other) => (cost(other) < cost(best) ? other : best), node);
    return nearest === node ? [] : [nearest];
  }

  function said(node, isForward) {
    const data = node.data();
    const ways = along(node, isForward).length;
    const rest = ways > 1 ? `, ${ways} ways ${isForward ? "on" : "back"}` : "";
    return [data.name || data.id, data.type, data.shape].filter(Boolean).join(", ") + rest;
  }

  function step(key) {
    const node = current();
    const isForward = key !== "ArrowUp";
    const ways = { ArrowDown: () => along(node, true), ArrowUp: () => along(node, false) };
    const sideways = { ArrowRight: () => beside(node, 1), ArrowLeft: () => beside(node, -1) };
    const next = node ? { ...ways, ...sideways }[key]()[0] : first();
    if (!next) return explorer.announce("Nothing further this way");
    explorer.goTo(next);
    return explorer.announce(said(next, isForward));
  }

  /* The next group of the selected layer. */
  function pickGroup() {
    const { selection } = graph;
    if (selection.kind === "layer") lastLayer = { groups: selection.groups };
    if (!lastLayer || !lastLayer.groups.length) return explorer.announce("No group here: nothing can be pruned");
    const at = selection.kind === "group" ? lastLayer.groups.indexOf(selection.name) + 1 : 0;
    const name = lastLayer.groups[at % lastLayer.groups.length];
    explorer.select({ kind: "group", name, groups: [name], via: "keys" });
    return explorer.announce(`Group ${name}`);
  }

  function enter() {
    const { selection } = graph;
    if (selection.kind === "module") explorer.toggle(selection.name);
    else if (selection.name) explorer.announce("A layer has nothing inside to open");
  }

  /* To the module around what is selected. */
  function outwards() {
    const node = current();
    if (node && node.isChild()) explorer.goTo(node.parent());
  }

  const KEYS = {
    Enter: enter,
    Backspace: outwards,
    g: pickGroup,
    z: () => explorer.zoomToSelection(),
    f: () => explorer.zoomToModule(""),
  };
  ["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight"].forEach((key) => (KEYS[key] = () => step(key)));

  /* Keys belong to the graph where nothing else has them. */
  document.addEventListener("keydown", (event) => {
    const isPlain = !(event.ctrlKey || event.metaKey || event.altKey);
    const at = document.activeElement;
    const isFree = !at || at === document.body || at.closest(HERE);
    const isModal = [...document.querySelectorAll("[role=dialog]:not(#tour)")].some((each) => each.checkVisibility()); // some wait hidden
    const isOverTree = at && at.closest("#lists") && (event.key === "g" || event.key === "z" || event.key === "f");
    if (!isPlain || isModal || !(isFree || isOverTree) || !KEYS[event.key] || !explorer.cy()) return;
    event.preventDefault();
    KEYS[event.key]();
  });

  /* Rows that keys walk through: of the tree, of the groups, or of what was found. */
  const rows = () => [...document.querySelectorAll("#lists .list-row")];
  const isFresh = () => {
    const note = document.querySelector("#lists [data-wanted]");
    const typed = document.getElementById("search").value.trim();
    return !typed || (note && note.dataset.wanted === typed);
  };
  let active = -1;
  let isEnterDue = false;

  function setActive(index) {
    const found = rows();
    active = Math.max(-1, Math.min(index, found.length - 1));
    found.forEach((row, place) => row.classList.toggle("is-active", place === active));
    if (found[active]) found[active].scrollIntoView({ block: "nearest" });
    if (found[active]) explorer.announce(found[active].textContent);
  }

  function jump() {
    isEnterDue = false;
    const found = rows();
    const row = found[Math.max(active, 0)];
    if (row) row.click();
  }

  function searched(event) {
    const ways = { ArrowDown: 1, ArrowUp: -1 };
    if (ways[event.key]) setActive(active + ways[event.key]);
    else if (event.key === "Enter" && isFresh()) jump();
    else if (event.key === "Enter") isEnterDue = true;
    else if (event.key === "Escape") {
      dash_clientside.set_props("search", { value: "" });
      event.target.blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /* In a list: up and down between rows. */
  function listedKey(event, list) {
    const found = [...document.querySelectorAll(list)];
    const at = found.indexOf(event.target);
    const ways = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: found.length - 1 };
    if (!(event.key in ways)) return false;
    found[Math.max(0, Math.min(ways[event.key], found.length - 1))].focus();
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  /* In the tree besides: right and left open and close. */
  function treed(event) {
    const row = event.target.closest(".list-row, .twist");
    const path = row && row.dataset.path;
    const twist = path && row.previousElementSibling;
    const isOpen = twist && twist.getAttribute("aria-expanded") === "true";
    if (event.key === "ArrowRight" && twist && !isOpen) explorer.toggle(path);
    else if (event.key === "ArrowLeft" && twist && isOpen) explorer.toggle(path);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !event.target.closest) return;
      const list = LISTS.find((each) => event.target.matches(each));
      if (event.target.id === "search") searched(event);
      else if (!(list && listedKey(event, list)) && event.target.closest("#lists")) treed(event);
    },
    true
  );

  /* New rows are there: the first result waits for Enter, and the selection scrolls into sight. */
  document.addEventListener("drawn", (event) => {
    if (!event.target.closest("#lists")) return;
    active = -1;
    requestAnimationFrame(() => {
      explorer.repaint();
      if (isEnterDue && isFresh()) jump();
    });
  });

  let scrolledTo = "";
  explorer.scrollLists = function (selection) {
    roveLists();
    const row = document.querySelector("#lists .is-picked");
    const key = (selection.kind || "") + (selection.name || "") + (row ? "" : "?");
    if (row && key !== scrolledTo) row.scrollIntoView({ block: "nearest" });
    scrolledTo = key;
  };

  /* Tab comes to one row of a list, the arrows lead on from there. */
  const LISTS = ["#lists .list-row", ".members .link"];
  function rove(found, here) {
    found.forEach((row) => (row.tabIndex = row === here ? 0 : -1));
  }
  explorer.rove = rove;

  function roveLists() {
    LISTS.forEach((list) => {
      const found = [...document.querySelectorAll(list)];
      const at = (fits) => found.find((row) => row.matches(fits));
      rove(found, at(":focus") || at(".is-picked") || at("[tabindex='0']") || found[0]);
    });
    document.querySelectorAll("#lists .twist").forEach((twist) => (twist.tabIndex = -1));
  }

  document.addEventListener("focusin", (event) => {
    if (LISTS.some((list) => event.target.matches(list))) roveLists();
  });

  /* Ties of groups are let go, hold again, or stay as they are after all. */
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-ties]");
    if (!button) return;
    const [action, groups] = [button.dataset.ties, JSON.parse(button.dataset.of)];
    if (action) explorer.askChange({ kind: "ties", groups, broken: action === "break" });
    else dash_clientside.set_props("untie-said", { children: [] });
  });

  document.addEventListener("click", (event) => {
    const crumb = event.target.closest("[data-zoom]");
    if (crumb) explorer.zoomToModule(crumb.dataset.zoom);
    if (crumb && !crumb.dataset.zoom) explorer.select({});
  });
})();
