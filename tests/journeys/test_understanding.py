"""Why channels go together, followed step by step, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.journeys.browser import Watched

REACHED = "window.explorerCy.nodes('.port.reached').map(port => port.data('port'))"


def open_all(page: Page) -> None:
    """Opens every module, so that each layer shows."""
    page.locator("#expand-all").click()
    page.wait_for_function("window.explorerCy.getElementById('layer:layer1.0.conv1').nonempty()")


def step(page: Page) -> int:
    return int(page.locator("#player .is-now").get_attribute("data-step") or "-1")


def test_a_propagation_is_played_step_by_step(watched: Watched) -> None:
    page = watched.page
    open_all(page)
    page.locator("#inspector [data-play]").click()
    expect(page.locator("#player")).to_be_visible()
    expect(page.locator("#player")).to_contain_text("0 of 22")  # with reduced motion nothing moves by itself
    assert page.evaluate(REACHED) == ["conv1+"]

    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#player .step-card")).to_contain_text("layer1.0.conv1 f")
    assert sorted(page.evaluate(REACHED)) == ["bn1+", "bn1-", "conv1+", "layer1.0.conv1-"]
    assert page.evaluate("window.explorerCy.edges('.now').map(edge => edge.id())") == [
        "edge:layer:bn1>layer:layer1.0.conv1"
    ]
    page.keyboard.press("ArrowLeft")
    assert step(page) == 2
    assert page.evaluate("window.explorerCy.nodes('.port.now').map(port => port.data('port'))") == ["bn1-", "bn1+"]

    # a closed module stands for what is in it
    page.locator("#lists [data-toggle='layer1']").click()
    page.wait_for_function("window.explorerCy.getElementById('fold:layer1').nonempty()")
    page.locator("#player [data-step='6']").click()
    page.wait_for_function("window.explorerCy.getElementById('fold:layer1').hasClass('now')")
    page.get_by_role("button", name="This happens in a closed module").click()
    page.wait_for_function("window.explorerCy.getElementById('fold:layer1').empty()")

    page.locator("#player").press("End")
    assert step(page) == 22
    page.keyboard.press("Escape")
    expect(page.locator("#player")).to_be_hidden()
    watched.settle()
    assert page.evaluate("window.explorerCy.elements('.reached, .unreached, .now').length") == 0
    assert watched.console == []


def test_a_propagation_plays_by_itself_and_pauses(watched: Watched) -> None:
    page = watched.page
    page.evaluate("dash_clientside.set_props('play', {data: {port: 'layer1.0.conv1+'}})")
    page.locator("#player [data-player='toggle']").click()
    page.wait_for_function("document.querySelector('#player .is-now').dataset.step === '3'")
    expect(page.locator("#player [data-player='toggle']")).to_have_attribute("aria-pressed", "false")
    assert page.locator("#player [data-player='forward']").is_disabled()
    assert watched.console == []


def test_a_cell_of_the_matrix_selects_a_group_and_leads_back_to_the_graph(watched: Watched) -> None:
    page = watched.page
    open_all(page)
    page.locator("#centre-view label", has_text="Matrices").click()
    expect(page.locator("#matrix-note")).to_contain_text("104 rows: 60 inter-layer and 30 intra-layer")
    page.wait_for_selector("#matrix .heatmaplayer image")
    page.locator("#matrix-box").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator(".matrix-tip")).to_contain_text("bn1 (BatchNorm2d) has the same channels on both sides")

    # the same with the pointer: the cell of layer1.0.conv1 f+ and layer1.0.bn1 f-
    x, y = page.evaluate("""() => {
      const plot = document.querySelector("#matrix .js-plotly-plot"), {xaxis, yaxis} = plot._fullLayout;
      const names = plot.data[0].x, box = plot.getBoundingClientRect();
      const at = name => names.findIndex(each => each.startsWith(name));
      return [box.left + xaxis._offset + xaxis.l2p(at("layer1.0.conv1 f+")),
              box.top + yaxis._offset + yaxis.l2p(at("layer1.0.bn1 f"))];
    }""")
    page.mouse.move(x, y)
    expect(page.locator(".matrix-tip")).to_contain_text("what layer1.0.conv1 makes is what layer1.0.bn1 reads")
    page.mouse.click(x, y)
    expect(page.locator("#inspector h2")).to_have_text("layer1.0.conv1")
    page.locator("#centre-view label", has_text="Graph").click()
    page.wait_for_function("window.explorerCy.nodes('.picked').length === 2")
    names = page.evaluate("window.explorerCy.nodes('.picked').map(node => node.data('name'))")
    assert sorted(names) == ["layer1.0.bn1", "layer1.0.conv1"]
    assert watched.console == []


SHOWN_CELLS = """() => {
  const { xaxis, yaxis } = document.querySelector("#matrix .js-plotly-plot")._fullLayout;
  return [xaxis, yaxis].map(({ range }) => [Math.min(...range), Math.max(...range)]);
}"""


def test_a_matrix_is_zoomed_with_keys(watched: Watched) -> None:
    page, keys = watched.page, watched.page.keyboard
    open_all(page)
    page.locator("#centre-view label", has_text="Matrices").click()
    page.wait_for_selector("#matrix .heatmaplayer image")
    whole = page.evaluate(SHOWN_CELLS)
    page.locator("#matrix-box").focus()
    for key in ("ArrowDown", "ArrowDown", "z"):
        keys.press(key)
    columns, rows = page.evaluate(SHOWN_CELLS)
    assert columns[1] - columns[0] < whole[0][1] - whole[0][0]
    keys.press("z")
    keys.press("z")
    closer = page.evaluate(SHOWN_CELLS)
    assert closer[0][1] - closer[0][0] < columns[1] - columns[0]
    assert closer[1][0] <= 1 <= closer[1][1]  # around where the keys are, which is near the top

    # keys that lead out of what shows take it along
    for _ in range(14):
        keys.press("ArrowDown")
    moved = page.evaluate(SHOWN_CELLS)
    assert moved[1][1] > closer[1][1]
    cursor = "document.querySelector('#matrix .js-plotly-plot')._fullLayout.shapes[0]"
    assert moved[1][0] <= page.evaluate(f"{cursor}.y0") < page.evaluate(f"{cursor}.y1") <= moved[1][1]
    keys.press("f")
    columns, rows = page.evaluate(SHOWN_CELLS)
    assert columns[0] <= -0.5
    assert rows[1] >= whole[1][1] - 0.5
    assert page.evaluate("explorer.graph.selection.name") == "conv1"  # f and z were for the matrix alone
    assert watched.console == []


def test_every_layer_is_shown_before_and_after_with_its_proof(watched: Watched) -> None:
    page = watched.page
    page.evaluate("explorer.askChange({kind: 'ratio', group: 'layer1.0.conv1', ratio: 0.5})")
    page.locator("#centre-view label", has_text="Before / after").click()
    row = page.locator("#comparison-grid .ag-row[row-id='layer1.0.conv2']")
    expect(row.locator("[col-id='weight_after']")).to_have_text("16×8×3×3")  # noqa: RUF001
    expect(row.locator("[col-id='params_after']")).to_have_text("1,152")
    assert "is-changed" in (row.locator("[col-id='weight_after']").get_attribute("class") or "")
    expect(page.locator("#comparison-verdict")).to_contain_text("pruned = zeroed, max rel. error", timeout=20_000)
    page.locator("#comparison-search").fill("layer1.0.bn2")
    expect(
        page.locator("#comparison-grid [col-id='name'] .ag-cell-value, #comparison-grid .ag-cell[col-id='name']")
    ).to_have_count(1)
    page.locator("#comparison-grid .ag-cell[col-id='name']").click()
    expect(page.locator("#inspector h2")).to_have_text("layer1.0.bn2")
    assert watched.console == []


def test_a_channel_is_dropped_by_hand_and_given_back_to_the_ratio(watched: Watched) -> None:
    page = watched.page
    picked = {"kind": "group", "name": "layer1.0.conv1", "groups": ["layer1.0.conv1"], "via": "list"}
    page.evaluate("data => dash_clientside.set_props('selection', {data})", picked)
    readout = page.locator(".channel-readout")
    expect(readout).to_contain_text("All 16 kept")
    whole = page.locator("#totals .card").first.inner_text()

    # with the pointer: the least important one, which stands last
    bars = page.locator(".channel-bars")
    box = bars.bounding_box()
    assert box
    bars.click(position={"x": box["width"] - 6, "y": 100})  # once it stays where it is
    expect(page.locator(".channel-chosen")).to_be_visible()
    channels = page.locator("#grid .ag-row[row-id='layer1.0.conv1'] [col-id='kept']")
    expect(channels).to_contain_text("15")
    expect(page.locator("#totals .card").first).not_to_have_text(whole, use_inner_text=True)

    # with the keys: the most important one
    bars.focus()
    page.keyboard.press("Home")
    expect(readout).to_contain_text("rank 1 of 16, kept")
    page.keyboard.press(" ")
    expect(channels).to_contain_text("14")
    expect(readout).to_contain_text("rank 1 of 16, dropped")

    page.get_by_role("button", name="Back to the ratio").click()
    expect(page.locator(".channel-chosen")).to_be_hidden()
    expect(page.locator("#totals .card").first).not_to_contain_text("→")
    assert watched.console == []
