// Draws every latent map on the page, switches its colouring, shows the sample under the pointer.
(() => {
  "use strict";
  const THUMBNAIL = 104; // pixels of a sample's longer side in the tip
  const narrow = () => window.innerWidth < 640;
  const touch = window.matchMedia("(pointer: coarse)").matches;

  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);

  const thumbnail = (sheet, index) => {
    const zoom = THUMBNAIL / Math.max(sheet.width, sheet.height);
    const [width, height] = [sheet.width * zoom, sheet.height * zoom];
    const cell = document.createElement("div");
    cell.className = `thumbnail ${sheet.name}`;
    cell.style.width = `${width}px`;
    cell.style.height = `${height}px`;
    cell.style.backgroundSize = `${width * sheet.columns}px ${height * sheet.rows}px`;
    const [column, row] = [index % sheet.columns, Math.floor(index / sheet.columns)];
    cell.style.backgroundPosition = `${-width * column}px ${-height * row}px`;
    return cell;
  };

  const show = (spec, index, event) => {
    const isSample = index < spec.samples;
    const sheet = spec.sheets[isSample ? 0 : 1];
    const lines = spec.notes[index].map((note) => {
      const line = document.createElement("div");
      line.textContent = note;
      return line;
    });
    const picture = sheet ? [thumbnail(sheet, isSample ? index : index - spec.samples)] : [];
    tip.replaceChildren(...picture, ...lines);
    tip.hidden = false;
    const left = event.clientX + 18 + tip.offsetWidth < window.innerWidth;
    tip.style.left = `${Math.max(4, event.clientX + (left ? 18 : -18 - tip.offsetWidth))}px`;
    tip.style.top = `${Math.max(4, event.clientY - tip.offsetHeight / 2)}px`;
  };

  const colourBy = (plot, spec, buttons, chosen) => {
    const visible = spec.groups.flatMap((size, way) => Array(size).fill(way === chosen));
    const anchors = spec.data.slice(visible.length).map(() => true);
    window.Plotly.restyle(plot, { visible: [...visible, ...anchors] });
    buttons.forEach((button, way) => button.setAttribute("aria-pressed", way === chosen));
  };

  const draw = async (map) => {
    const spec = JSON.parse(map.querySelector("script").textContent);
    const plot = map.querySelector(".plot");
    if (narrow()) Object.assign(spec.layout.legend, { orientation: "h", y: -0.02 });
    spec.layout.dragmode = touch ? false : "zoom";
    await window.Plotly.newPlot(plot, spec.data, spec.layout, {
      displaylogo: false,
      responsive: true,
      showSendToCloud: false,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    });
    plot.on("plotly_hover", (hover) => show(spec, hover.points[0].customdata, hover.event));
    plot.on("plotly_unhover", () => (tip.hidden = true));
    const buttons = [...map.querySelectorAll(".switch button")];
    buttons.forEach((button, way) =>
      button.addEventListener("click", () => colourBy(plot, spec, buttons, way)),
    );
  };

  document.addEventListener("scroll", () => (tip.hidden = true), { passive: true });
  document.querySelectorAll(".map").forEach(draw);
})();
