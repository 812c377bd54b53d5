/* Files: recipes and weights come in by a dialog or by dropping them, recipes go out. Never code, never a pickle. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const RECIPE_BYTES = 32e6; // as in explorer/app/answers.py
  const WEIGHT_BYTES = 2 ** 30;

  const PICKLE =
    " is a pickle, as .pt, .pth and .bin files are. Reading one can run code that is hidden in it, so the explorer opens none. " +
    "Save the weights as safetensors instead; “File, Open your own model” shows how.";
  const CODE = " is code, which a page never runs. Start the explorer with it: python -m explorer ";
  const OTHER = " is neither a recipe (.json) nor weights (.safetensors).";

  const megabytes = (bytes) => (bytes / 1e6).toFixed(1).replace(".0", "") + " MB";
  const tooLarge = ({ name, size }) =>
    ` has ${megabytes(size)}, and a page takes recipes of up to ${megabytes(RECIPE_BYTES)}. Nothing was opened. ` +
    `The command line takes larger ones: python -m explorer apply ${name} --out DIR`;

  const refuse = (words) => explorer.notice(words, "bad");

  /* A pickle, or the zip that PyTorch puts one in, whatever it is called. */
  async function isPickle(file) {
    const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
    return first === 0x80 || (first === 0x50 && second === 0x4b) || /[.](pt|pth|bin|pkl|pickle|ckpt)$/i.test(file.name);
  }

  explorer.openFile = async function (file) {
    const name = file.name;
    if (await isPickle(file)) return refuse(name + PICKLE);
    if (/[.]py$/i.test(name)) return refuse(name + CODE + name + ":build");
    if (/[.]safetensors$/i.test(name)) return sendWeights(file);
    if (!/[.]json$/i.test(name)) return refuse(name + OTHER);
    if (file.size > RECIPE_BYTES) return refuse(name + tooLarge(file));
    const text = await file.text();
    explorer.restore({ text, why: "file" }, sourceIn(text));
  };

  /* The model that a recipe names; the server says what is wrong with a file that is none. */
  function sourceIn(text) {
    try {
      return JSON.parse(text).source;
    } catch {
      return undefined;
    }
  }

  function sendWeights(file) {
    if (file.size > WEIGHT_BYTES) {
      refuse(file.name + " is larger than 1 GiB. Start the explorer with it: python -m explorer SOURCE --weights " + file.name);
      return;
    }
    const request = new XMLHttpRequest(); // fetch does not tell how far an upload is
    const query = new URLSearchParams({ source: explorer.recipe().source, name: file.name });
    request.open("POST", "/weights?" + query);
    request.setRequestHeader("X-Explorer", "1");
    request.upload.onprogress = ({ loaded, total }) => {
      const share = Math.round((100 * loaded) / total);
      explorer.notice(share < 100 ? "Sending " + file.name + ": " + share + " %" : "Checking and tracing " + file.name + "…", "info");
    };
    request.onerror = () => refuse(file.name + " could not be sent: the server does not answer.");
    request.onload = () => {
      const { source, error } = JSON.parse(request.responseText);
      if (error) refuse(error);
      else explorer.restore({ source, why: "file" });
    };
    request.send(file);
  }

  function choose() {
    const chooser = Object.assign(document.createElement("input"), { type: "file", accept: ".json,.safetensors" });
    chooser.onchange = () => chooser.files.length && explorer.openFile(chooser.files[0]);
    chooser.click();
  }

  function save(name, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  const hasFile = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  const showDrop = (isShown) => document.getElementById("drop")?.classList.toggle("is-shown", isShown);

  window.addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    showDrop(true);
  });
  window.addEventListener("dragleave", (event) => event.relatedTarget === null && showDrop(false));
  window.addEventListener("drop", (event) => {
    showDrop(false);
    if (!hasFile(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files.length) explorer.openFile(event.dataTransfer.files[0]);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) explorer.copy(button.dataset.copy, "Copied.");
  });

  window.dash_clientside = window.dash_clientside || {};
  Object.assign((window.dash_clientside.explorer = window.dash_clientside.explorer || {}), {
    openFile(clicks) {
      if (clicks) choose();
    },
    saveRecipe(clicks) {
      if (!clicks) return;
      const recipe = explorer.recipe();
      const name = recipe.source.startsWith("session:") ? "model" : recipe.source.split(":")[1].replace(/[^\w.-]+/g, "-");
      save(name + "-recipe.json", JSON.stringify(recipe, null, 1) + "\n");
    },
    openOwn(clicks) {
      if (clicks) dash_clientside.set_props("own-dialog", { opened: true });
    },
  });
})();
