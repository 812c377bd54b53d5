/* The channels of a group as bars on a canvas: 4000 of them stay quick, and each can be kept or dropped by hand. Only the
   bars in sight are drawn; where not all fit, an overview above shows the whole and what part of it is in sight. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const [LEAST, MOST, PLOT, AXIS, OVERVIEW] = [4, 26, 120, 16, 26]; // pixels: pitch of a bar, heights of the charts
  const [LETTERS, ROOM] = [10, 5]; // pixels: size of the numbers below the bars, and what is free between two
  const chart = { data: null, sort: "importance", order: [], kept: new Set(), at: 0, hover: -1, stroke: null };

  const box = () => document.getElementById("channels-box");
  const part = (name) => box().querySelector("." + name);
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const isCut = () => chart.order.slice(0, chart.kept.size).every((channel) => chart.kept.has(channel));

  function ordered() {
    const { scores } = chart.data;
    const channels = scores.map((_, channel) => channel);
    return chart.sort === "index" ? channels : channels.sort((a, b) => scores[b] - scores[a] || a - b);
  }

  function geometry() {
    const width = part("channel-bars").clientWidth;
    const pitch = Math.max(LEAST, Math.min(MOST, width / chart.order.length));
    return { width, pitch, whole: pitch * chart.order.length, left: part("channel-bars").scrollLeft };
  }

  /* A canvas of so many CSS pixels, sharp on any screen, and its context. */
  function sized(canvas, width, height) {
    const scale = window.devicePixelRatio || 1;
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    [canvas.style.width, canvas.style.height] = [width + "px", height + "px"];
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  function draw() {
    if (!chart.data || box().hidden) return;
    const { width, pitch, whole, left } = geometry();
    part("channel-track").style.width = Math.max(whole, 1) + "px";
    const context = sized(part("channel-canvas"), width, PLOT + AXIS);
    const highest = Math.max(...chart.data.scores, 1e-12);
    const colours = { kept: token("hue-" + chart.data.slot), gone: token("ink-3"), ink: token("ink"), accent: token("accent"), line: token("line-strong") };
    const [first, last] = [Math.floor(left / pitch), Math.min(chart.order.length, Math.ceil((left + width) / pitch))];
    for (let place = first; place < last; place += 1) bar(context, place, pitch, left, highest, colours);
    if (chart.sort === "importance" && isCut()) cut(context, chart.kept.size * pitch - left, colours.ink);
    axis(context, { first, last, pitch, left, width, whole }, colours);
    overview(width, whole, left, highest, colours);
  }

  const font = (size, weight = 400) => weight + " " + size + "px " + getComputedStyle(document.body).fontFamily;
  const isAt = (place) => place === chart.at && document.activeElement === part("channel-bars");

  /* The line below the bars and the numbers of the channels: as many as have room, and that of the bar one is at. */
  function axis(context, { first, last, pitch, left, width, whole }, colours) {
    context.fillStyle = colours.line;
    context.fillRect(0, PLOT, Math.min(width, whole - left), 1);
    context.textAlign = "center";
    context.font = font(LETTERS, 700);
    const widest = context.measureText(String(chart.order.length - 1)).width + ROOM;
    const every = Math.ceil(widest / pitch);
    const middle = (place) => Math.max(widest / 2, Math.min(width - widest / 2, (place + 0.5) * pitch - left));
    const marked = [...Array(last).keys()].slice(first).filter((place) => isAt(place) || place === chart.hover);
    const isFree = (place) => marked.every((other) => Math.abs(middle(other) - middle(place)) >= widest);
    marked.forEach((place) => number(context, place, middle(place), font(LETTERS, 700), colours.ink));
    for (let place = Math.ceil(first / every) * every; place < last; place += every)
      if (isFree(place)) number(context, place, middle(place), font(LETTERS), colours.gone);
  }

  function number(context, place, x, letters, ink) {
    [context.font, context.fillStyle] = [letters, ink];
    context.fillText(String(chart.order[place]), x, PLOT + AXIS - 3);
  }

  function bar(context, place, pitch, left, highest, colours) {
    const channel = chart.order[place];
    const height = Math.max(2, (chart.data.scores[channel] / highest) * (PLOT - 18));
    const [x, gap] = [place * pitch - left, pitch > 6 ? 1.5 : 0.75];
    const isKept = chart.kept.has(channel);
    context.fillStyle = colours.kept;
    context.strokeStyle = colours.gone;
    context.lineWidth = 1;
    if (isKept) context.fillRect(x + gap / 2, PLOT - height, pitch - gap, height);
    else context.strokeRect(x + gap / 2 + 0.5, PLOT - height + 0.5, Math.max(pitch - gap - 1, 1), height);
    if (!isAt(place) && place !== chart.hover) return;
    context.strokeStyle = isAt(place) ? colours.accent : colours.ink;
    context.lineWidth = 2;
    context.strokeRect(x + 0.5, PLOT - height - 2, Math.max(pitch - 1, 2), height + 1);
  }

  function cut(context, x, ink) {
    const gone = chart.order.length - chart.kept.size;
    if (!gone) return;
    context.strokeStyle = context.fillStyle = ink;
    context.lineWidth = 1.5;
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, PLOT);
    context.stroke();
    context.setLineDash([]);
    context.font = font(11);
    const text = gone + " dropped";
    const isTight = x + context.measureText(text).width + 6 > part("channel-bars").clientWidth;
    context.textAlign = isTight ? "right" : "left";
    context.fillText(text, x + (isTight ? -5 : 5), 10);
  }

  function overview(width, whole, left, highest, colours) {
    const canvas = part("channel-overview");
    canvas.hidden = whole <= width + 1;
    if (canvas.hidden) return;
    const context = sized(canvas, width, OVERVIEW);
    const per = chart.order.length / width;
    for (let x = 0; x < width; x += 1) {
      const channel = chart.order[Math.floor(x * per)];
      const height = Math.max(1, (chart.data.scores[channel] / highest) * OVERVIEW);
      context.fillStyle = chart.kept.has(channel) ? colours.kept : colours.gone;
      context.globalAlpha = chart.kept.has(channel) ? 1 : 0.35;
      context.fillRect(x, OVERVIEW - height, 1, height);
    }
    context.globalAlpha = 1;
    context.strokeStyle = colours.ink;
    context.strokeRect((left / whole) * width + 0.5, 0.5, (width / whole) * width, OVERVIEW - 1);
  }

  const name = (channel) => chart.data.one[0].toUpperCase() + chart.data.one.slice(1) + " " + channel;

  const rankOf = (channel) => 1 + chart.data.scores.filter((score) => score > chart.data.scores[channel]).length;

  /* Why the channels cannot be chosen just now; empty where they can. */
  const fixed = () => (explorer.fixedChannels ? explorer.fixedChannels() : "");

  function say(place) {
    const channel = chart.order[place];
    const way = chart.kept.has(channel) ? "Click to drop it." : "Click to keep it.";
    part("channel-readout").textContent = told(channel) + ". " + (fixed() || way);
    sayOption(channel);
  }

  function told(channel) {
    const { scores } = chart.data;
    const rank = ", rank " + rankOf(channel) + " of " + scores.length + ", ";
    return name(channel) + ", importance " + scores[channel] + rank + (chart.kept.has(channel) ? "kept" : "dropped");
  }

  /* The bar that the keys are at, for screen readers. */
  function sayOption(channel) {
    const option = document.getElementById("channel-option");
    option.textContent = told(channel);
    option.setAttribute("aria-selected", String(chart.kept.has(channel)));
  }

  function sayAll() {
    const [all, kept] = [chart.order.length, chart.kept.size];
    const dropped = all === kept ? "All " + all + " kept." : kept + " of " + all + " kept, " + (all - kept) + " dropped.";
    part("channel-readout").textContent = dropped + " " + (fixed() || "Click a bar to drop or keep it.");
    part("channel-bars").setAttribute("aria-readonly", String(Boolean(fixed())));
  }

  function set(place, isKept) {
    const channel = chart.order[place];
    if (channel === undefined || chart.kept.has(channel) === isKept) return;
    if (fixed()) return say(place);
    if (!isKept && chart.kept.size === 1) {
      part("channel-readout").textContent = "A group keeps at least one " + chart.data.one + ".";
      return;
    }
    chart.kept[isKept ? "add" : "delete"](channel);
    chart.isTouched = true;
    draw();
    say(place);
  }

  function send() {
    if (!chart.isTouched) return;
    chart.isTouched = false;
    part("channel-chosen").hidden = false;
    const channels = [...chart.kept].sort((a, b) => a - b);
    explorer.askChange({ kind: "keep", group: chart.data.group, channels });
  }

  function placeOf(event) {
    const { pitch, left } = geometry();
    const x = event.clientX - part("channel-bars").getBoundingClientRect().left;
    return Math.min(chart.order.length - 1, Math.max(0, Math.floor((x + left) / pitch)));
  }

  function moveTo(place) {
    chart.at = Math.max(0, Math.min(chart.order.length - 1, place));
    const { pitch, left, width } = geometry();
    const bars = part("channel-bars");
    if (chart.at * pitch < left) bars.scrollLeft = chart.at * pitch;
    if ((chart.at + 1) * pitch > left + width) bars.scrollLeft = (chart.at + 1) * pitch - width;
    draw();
    say(chart.at);
  }

  const PAGE = 16;
  const MOVES = {
    ArrowRight: (at) => at + 1, ArrowLeft: (at) => at - 1, Home: () => 0, End: () => Infinity,
    PageDown: (at) => at + PAGE, PageUp: (at) => at - PAGE,
  };

  function listen(bars) {
    bars.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      chart.at = placeOf(event);
      chart.stroke = !chart.kept.has(chart.order[chart.at]); // a stroke keeps, or drops, all that it passes
      set(chart.at, chart.stroke);
    });
    bars.addEventListener("pointermove", (event) => {
      chart.hover = placeOf(event);
      if (chart.stroke !== null && event.buttons & 1) set(chart.hover, chart.stroke);
      else say(chart.hover);
      draw();
    });
    bars.addEventListener("pointerleave", () => {
      chart.hover = -1;
      draw();
      sayAll();
    });
    bars.addEventListener("keydown", (event) => {
      const isToggle = event.key === " " || event.key === "Enter";
      if (!isToggle && !MOVES[event.key]) return;
      event.preventDefault();
      event.stopPropagation();
      if (!isToggle) return moveTo(MOVES[event.key](chart.at));
      set(chart.at, !chart.kept.has(chart.order[chart.at]));
      return send();
    });
    ["scroll", "focus", "blur"].forEach((kind) => bars.addEventListener(kind, draw));
    bars.addEventListener("focus", () => bars.matches(":focus-visible") && say(chart.at));
    window.addEventListener("pointerup", () => {
      chart.stroke = null;
      send();
    });
    new ResizeObserver(draw).observe(bars);
    part("channel-overview").addEventListener("pointerdown", (event) => {
      const { width, whole } = geometry();
      bars.scrollLeft = (event.offsetX / width) * whole - width / 2;
    });
  }

  function show(data) {
    if (!data || !box()) return;
    const bars = part("channel-bars");
    if (chart.bars !== bars) listen((chart.bars = bars));
    const isOther = !chart.data || chart.data.group !== data.group;
    chart.data = data;
    chart.kept = new Set(data.kept);
    chart.order = ordered();
    if (isOther) {
      chart.at = 0;
      bars.scrollLeft = 0;
    }
    part("channel-chosen").hidden = !data.chosen;
    requestAnimationFrame(draw);
    const at = Math.min(chart.at, chart.order.length - 1);
    sayOption(chart.order[at]);
    if (document.activeElement === bars) say(at);
    else if (chart.hover < 0) sayAll();
  }

  explorer.sayChannels = () => chart.data && sayAll();

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.channels = {
    show(data) {
      requestAnimationFrame(() => show(data)); // once a new colour scheme or a box that appears has its sizes
    },
    sort(order) {
      const channel = chart.order[chart.at];
      chart.sort = order;
      if (!chart.data) return;
      chart.order = ordered();
      moveTo(Math.max(0, chart.order.indexOf(channel)));
      sayAll();
    },
    reset(clicks) {
      if (clicks && chart.data) explorer.askChange({ kind: "keep", group: chart.data.group, channels: null });
    },
  };
})();
