/* A link to the explorer or to the lessons leads back to where one was there in this tab. Every page has this, plain
   documents too. */
(function () {
  const KEPT = { explorer: "explorer:page", learn: "learn:at" }; // what each keeps of where one is, by the link's data-back

  /* Storage may be forbidden; a link then leads where it says. */
  function placeIn(page) {
    try {
      return JSON.parse(window.sessionStorage.getItem(KEPT[page])).place;
    } catch {
      return null;
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-back]");
    const place = link && placeIn(link.dataset.back);
    if (place) link.href = place;
  });
})();
