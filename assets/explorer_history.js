/* Where one has been and what must not be lost: steps to undo, the state in the address, and a copy in the browser's
   storage. What is kept are recipes, plain data; the server makes everything else of them again. Where lessons are taught
   the address is theirs (`explorer.lessons`, assets/learn.js), and what is kept lies beside that of the explorer. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const MOST = 100; // steps
  const REST = 250; // milliseconds without a change before address and storage follow
  const LEAVING = 5000; // until they do after all, where the page was to be left and was not
  const GONE = 5000; // after which a good notice goes by itself
  const OWN = "explorer:own:"; // followed by the fingerprint of a model without a name
  const keyOf = (name) => (explorer.lessons ? "learn:" : "explorer:") + name; // of what this tab keeps of this page
  const stack = { steps: [], at: -1, gesture: -1 };
  const page = { recipe: null, first: "", run: "", isReading: false, hash: "", timer: 0, rest: REST, version: 0 };
  let gesture = 0;

  /* Storage may be full or forbidden; the page then works without it. */
  function read(storage, key) {
    try {
      return JSON.parse(window[storage].getItem(key));
    } catch {
      return null;
    }
  }

  function write(storage, key, value) {
    try {
      window[storage].setItem(key, JSON.stringify(value));
    } catch {
      /* see read */
    }
  }

  const isNamed = (source) => /^(sample|torchvision):/.test(source);
  explorer.isNamed = isNamed;
  const isEmpty = (part) => part === null || part === undefined || (typeof part === "object" && !Object.keys(part).length);

  /* A recipe without what it would say by default. */
  function compact(recipe) {
    const usual = { importance: "l2", reduction: "mean", normalise: "none", round_to: 1, minimum: 1 };
    const isSaid = ([name, part]) => (name === "view" || !isEmpty(part)) && part !== usual[name];
    const view = Object.entries(recipe.view).filter(([name, part]) => isState(name) || !isEmpty(part));
    return Object.fromEntries(Object.entries({ ...recipe, view: Object.fromEntries(view) }).filter(isSaid));
  }
  const isState = (name) => name === "opened" || name === "selection"; // where nothing is not what there is at first

  /* What undo goes by: all but what is open, selected and remembered by panels. */
  const mark = ({ view, ...what }) => JSON.stringify({ ...what, pins: view.pins || [] });

  function whole(recipe, opened, selection, pins, panels) {
    const { kind, name } = selection || {};
    const view = { opened: opened.paths, selection: kind ? { kind, name } : {}, pins: pins || [], panels: panels || {} };
    return { ...recipe, view };
  }

  /* A step belongs to the press of a key or button in which it was asked for; its answer may come during the next one. */
  function record() {
    const madeIn = explorer.answeredGesture ?? gesture;
    explorer.answeredGesture = null;
    const current = stack.steps[stack.at];
    if (current && mark(current) === mark(page.recipe)) {
      stack.steps[stack.at] = page.recipe; // it is only looked at otherwise
    } else if (current && madeIn === stack.gesture && stack.at > 0) {
      stack.steps = [...stack.steps.slice(0, stack.at), page.recipe]; // still the same drag
    } else {
      stack.steps = [...stack.steps.slice(0, stack.at + 1), page.recipe].slice(-MOST);
      stack.at = stack.steps.length - 1;
      stack.gesture = madeIn;
    }
    showSteps();
  }

  /* Where nothing else was opened after all, what the page shows is the first step. */
  explorer.recordFirst = () => stack.at < 0 && record();

  function showSteps() {
    dash_clientside.set_props("undo", { disabled: stack.at <= 0 });
    dash_clientside.set_props("redo", { disabled: stack.at >= stack.steps.length - 1 });
  }

  /* To another step: the view stays as it is, except where the model is another one. */
  function go(by) {
    const step = stack.steps[stack.at + by];
    if (!step) return;
    stack.at += by;
    stack.gesture = -1;
    const isSame = step.source === page.recipe.source;
    const view = isSame ? { pins: step.view.pins } : step.view;
    explorer.restore({ recipe: { ...step, view }, why: "undo" });
    showSteps();
  }

  explorer.gesture = () => gesture;
  explorer.ownStep = () => (gesture += 1); // for a change that nobody's press asked for just now

  ["pointerdown", "keydown"].forEach((name) =>
    window.addEventListener(name, (event) => (gesture += event.repeat ? 0 : 1), true)
  );

  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || explorer.isTyping(event.target)) return;
    const key = event.key.toLowerCase();
    const by = key === "y" || (key === "z" && event.shiftKey) ? 1 : key === "z" ? -1 : 0;
    if (!by) return;
    event.preventDefault();
    go(by);
  });

  /* ---- The address ---- */

  async function through(bytes, stream) {
    return new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer();
  }

  async function address(recipe) {
    const { source, ...rest } = compact(recipe);
    const bytes = new Uint8Array(await through(JSON.stringify(rest), new CompressionStream("deflate-raw")));
    const text = btoa(bytes.reduce((all, byte) => all + String.fromCharCode(byte), ""));
    return "#m=" + source + "&s=" + text.replace(/[+]/g, "-").replace(/[/]/g, "_").replace(/=+$/, "");
  }

  /* The recipe in an address; a model alone is one too. */
  async function recipeIn(hash) {
    const parts = new URLSearchParams(hash.slice(1));
    const source = parts.get("m");
    if (!source) throw new Error("it names no model");
    if (!parts.get("s")) return { source };
    const text = atob(parts.get("s").replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const rest = new TextDecoder().decode(await through(bytes, new DecompressionStream("deflate-raw")));
    return { recipe: { ...JSON.parse(rest), source } };
  }

  async function follow(hash) {
    page.isReading = true;
    try {
      const { source, recipe } = await recipeIn(hash);
      explorer.restore(recipe ? { recipe, why: "link" } : { recipe: { format: 2, source }, why: "link" });
    } catch (error) {
      explorer.notice("This link is damaged and was not followed: " + (error.message || "it cannot be read") + ".", "bad");
      explorer.recordFirst();
    }
    page.isReading = false;
  }

  window.addEventListener("hashchange", () => {
    page.hash = location.hash;
    if (page.hash && !explorer.lessons) follow(page.hash);
  });

  /* Opens a recipe as the first thing that this page shows: there is nothing before it to go back to. */
  explorer.openFirst = function (recipe) {
    Object.assign(stack, { steps: [], at: -1, gesture: -1 });
    explorer.restore({ recipe, why: "lesson" });
  };

  /* ---- Storage ---- */

  const place = () => location.pathname + location.hash;

  /* At once, since a browser may lose what is written while a page is left. */
  function save() {
    const isPristine = JSON.stringify(page.recipe) === page.first;
    write("sessionStorage", keyOf("page"), { place: place(), recipe: page.recipe, isPristine });
  }

  explorer.keepUnanswered = () => write("sessionStorage", keyOf("pending"), explorer.unanswered());

  const saveSteps = () => write("sessionStorage", keyOf("steps"), { steps: stack.steps, at: stack.at });

  /* What takes longer: the steps, the address, and for a model without a name what another tab can go on from. */
  async function follows() {
    if (explorer.isOpening()) return;
    saveSteps();
    if (!isNamed(page.recipe.source)) write("localStorage", OWN + page.recipe.fingerprint, page.recipe);
    const { version } = page;
    const isBare = explorer.lessons || JSON.stringify(page.recipe) === page.first || !isNamed(page.recipe.source);
    const hash = isBare ? "" : await address(page.recipe);
    if (version !== page.version || location.hash !== page.hash) return; // or somebody follows a link just now
    window.history.replaceState(null, "", location.pathname + location.search + hash);
    [page.hash, page.rest] = [location.hash, REST];
    save();
  }

  function soon() {
    clearTimeout(page.timer);
    page.version += 1;
    page.timer = setTimeout(follows, page.rest);
  }
  explorer.addressFollows = soon;

  /* A reload opens the address that there was when it was asked for, so that what is kept must go on naming that one. */
  window.addEventListener("beforeunload", () => {
    page.rest = LEAVING;
    if (!page.timer) return; // nothing has changed yet
    saveSteps();
    soon();
  });

  /* What this page should show: as it was before a reload, what the address says, or what was last seen of this model. */
  function begin() {
    page.hash = location.hash;
    const before = read("sessionStorage", keyOf("page"));
    const isSame = before && before.place === place();
    const isReload = isSame && !before.isPristine;
    const own = read("localStorage", OWN + page.recipe.fingerprint);
    const left = read("sessionStorage", keyOf("pending")) || []; // what the server had not answered
    if (isReload) {
      Object.assign(stack, read("sessionStorage", keyOf("steps")) || {});
      explorer.restore({ recipe: before.recipe, why: "reload" });
    } else if (!explorer.lessons && location.hash.length > 1) {
      follow(location.hash);
    } else if (own && !explorer.lessons && !isNamed(page.recipe.source)) {
      explorer.restore({ recipe: { ...own, source: page.recipe.source }, why: "reload" });
    } else {
      explorer.welcome();
    }
    if (explorer.lessons) explorer.lessons.begin(isReload);
    if (isSame) left.forEach(explorer.askChange);
    if (!explorer.isOpening() && !page.isReading) record();
  }

  /* ---- What other files and panels use ---- */

  /* Words about the whole page, above it. */
  explorer.notice = function (text, tone) {
    const props = { children: text, className: "message is-" + tone, role: tone === "bad" ? "alert" : "status" };
    dash_clientside.set_props("notice", { children: [{ type: "Div", namespace: "dash_html_components", props }] });
    clearTimeout(page.noticed);
    if (tone === "good") page.noticed = setTimeout(putAway, GONE);
  };
  const putAway = () => dash_clientside.set_props("notice", { children: [] });
  document.addEventListener("click", (event) => event.target.closest("#notice") && putAway());
  document.addEventListener("keydown", (event) => event.key === "Escape" && putAway());

  /* The recipe as a file would hold it. */
  explorer.recipe = () => page.recipe;
  explorer.run = () => page.run;
  explorer.read = read;
  explorer.write = write;

  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false; // not allowed here, as on an address that is not this machine's
    }
  }

  explorer.copy = async function (text, said) {
    const isCopied = await copied(text);
    explorer.notice(isCopied ? said : "This browser does not let pages copy here. Copy it yourself: " + text, isCopied ? "good" : "warn");
  };

  window.dash_clientside = window.dash_clientside || {};
  Object.assign((window.dash_clientside.explorer = window.dash_clientside.explorer || {}), {
    remember(recipe, opened, selection, pins, panels, run) {
      if (!recipe || !opened) return;
      const isFirst = page.recipe === null;
      page.recipe = whole(recipe, opened, selection, pins, panels);
      page.run = run;
      if (isFirst) {
        page.first = JSON.stringify(page.recipe);
        setTimeout(begin);
      }
      if (isFirst || explorer.isOpening() || page.isReading) return;
      record();
      save();
      soon();
    },
    undo(clicks) {
      if (clicks) go(-1);
    },
    redo(clicks) {
      if (clicks) go(1);
    },
    async share(clicks) {
      if (!clicks) return;
      const { source } = page.recipe;
      if (isNamed(source)) {
        await explorer.copy(location.origin + location.pathname + (await address(page.recipe)), "Link copied. It opens exactly this state.");
      } else {
        explorer.notice("A link can name sample and torchvision models only; this one is known to this server alone. Save the recipe as a file instead.", "warn");
      }
    },
  });
})();
