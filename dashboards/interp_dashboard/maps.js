// Draws maps over their images. A share s of the scale covers the image by opacity * sqrt(|s|),
// as the heat map's renderer does; below the threshold nothing is drawn.
const LEVELS = 32767;

function bytes(text) {
  return Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
}

function element(kind, name, text) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function slider(label, value, changed) {
  const box = element("label");
  const words = element("span");
  const input = element("input");
  Object.assign(input, { type: "range", min: 0, max: 1, step: 0.02, value });
  const update = () => { words.textContent = `${label}: ${Math.round(100 * input.value)} %`; };
  input.addEventListener("input", () => { update(); changed(Number(input.value)); });
  update();
  box.append(words, input);
  return box;
}

function legend(colours) {
  const box = element("div", "legend");
  const canvas = element("canvas");
  canvas.width = colours.length / 3;
  canvas.height = 1;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Colours: blue against, white zero, red for");
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, 1);
  for (let at = 0; at < canvas.width; at += 1) {
    pixels.data.set([colours[3 * at], colours[3 * at + 1], colours[3 * at + 2], 255], 4 * at);
  }
  context.putImageData(pixels, 0, 0);
  const ends = element("div");
  ends.append(element("span", "", "against"), element("span", "", "0"), element("span", "", "for"));
  box.append(canvas, ends);
  return box;
}

function paint(tile, colours, settings) {
  const { map, shares, canvas, image } = tile;
  const middle = (colours.length / 3 - 1) / 2;
  const over = new OffscreenCanvas(map.width, map.height);
  const context = over.getContext("2d");
  const pixels = context.createImageData(map.width, map.height);
  for (let at = 0; at < shares.length; at += 1) {
    const value = map.full > 0 ? shares[at] / LEVELS * map.top / map.full : 0;
    const share = Math.max(-1, Math.min(1, value));
    const size = Math.abs(share);
    const colour = 3 * Math.round(middle * (1 + share));
    const cover = size < settings.threshold ? 0 : settings.opacity * Math.sqrt(size);
    pixels.data[4 * at] = colours[colour];
    pixels.data[4 * at + 1] = colours[colour + 1];
    pixels.data[4 * at + 2] = colours[colour + 2];
    pixels.data[4 * at + 3] = Math.round(255 * cover);
  }
  context.putImageData(pixels, 0, 0);
  const sheet = canvas.getContext("2d");
  sheet.drawImage(image, 0, 0, map.width, map.height);
  sheet.drawImage(over, 0, 0);
  if (map.peak) ring(sheet, map, settings.ring);
}

function ring(sheet, map, radius) {
  sheet.beginPath();
  const [down, across] = map.peak;
  sheet.arc(across * map.width, down * map.height, radius * map.width, 0, 2 * Math.PI);
  for (const [width, colour] of [[4, "#000"], [2, "#fff"]]) {
    Object.assign(sheet, { lineWidth: width, strokeStyle: colour });
    sheet.stroke();
  }
}

function read(tile, x, y) {
  const { map, shares } = tile;
  const column = Math.min(map.width - 1, Math.floor(x * map.width));
  const row = Math.min(map.height - 1, Math.floor(y * map.height));
  const value = shares[row * map.width + column] / LEVELS * map.top;
  const sign = value > 0 ? "+" : value < 0 ? "\u2212" : "";
  return `${sign}${Math.abs(value).toPrecision(3)} ${map.unit}`;
}

function point(tiles, x, y) {
  for (const tile of tiles) {
    tile.value.textContent = read(tile, x, y);
    tile.cross.hidden = false;
    tile.cross.style.left = `${100 * x}%`;
    tile.cross.style.top = `${100 * y}%`;
  }
}

function leave(tiles) {
  for (const tile of tiles) {
    tile.value.textContent = "";
    tile.cross.hidden = true;
  }
}

function listen(tile, tiles) {
  const place = { x: 0.5, y: 0.5 };
  const follow = event => {
    const box = tile.canvas.getBoundingClientRect();
    place.x = Math.min(0.999, Math.max(0, (event.clientX - box.left) / box.width));
    place.y = Math.min(0.999, Math.max(0, (event.clientY - box.top) / box.height));
    point(tiles, place.x, place.y);
  };
  tile.canvas.addEventListener("pointermove", follow);
  tile.canvas.addEventListener("pointerdown", follow);
  tile.canvas.addEventListener("pointerleave", event => {
    if (event.pointerType !== "touch") leave(tiles); // a finger hides what it points at
  });
  tile.canvas.addEventListener("blur", () => leave(tiles));
  tile.canvas.addEventListener("keydown", event => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!(event.key in step)) return;
    event.preventDefault();
    const [across, down] = step[event.key];
    place.x = Math.min(0.999, Math.max(0, place.x + across * 0.025));
    place.y = Math.min(0.999, Math.max(0, place.y + down * 0.025));
    point(tiles, place.x, place.y);
  });
}

function card(map, tiles, ready) {
  const card = element("article", map.photo ? "photo" : "");
  const head = element("div");
  const box = element("div");
  head.append(element("h3", "", map.method), element("p", "summary", map.summary));
  card.append(head, box);
  if (map.waiting) box.append(element("div", "waiting", "Not ready yet."));
  if (map.error) box.append(element("p", "failed", `No answer. ${map.error}`));
  if (map.values) box.append(...drawn(map, tiles, ready));
  else if (map.under) box.append(Object.assign(element("img"), { src: map.under, alt: map.alt }));
  for (const line of map.lines) box.append(element("p", "", line));
  for (const line of map.warnings) box.append(element("p", "warning", line));
  return card;
}

function drawn(map, tiles, ready) {
  const frame = element("div", "frame");
  const canvas = element("canvas");
  Object.assign(canvas, { width: map.width, height: map.height, tabIndex: 0 });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${map.alt}; arrow keys read its values`);
  const cross = element("div", "cross");
  cross.hidden = true;
  const value = element("p", "value");
  value.setAttribute("aria-live", "polite");
  const image = new Image();
  const shares = new Int16Array(bytes(map.values).buffer);
  const tile = { map, shares, canvas, image, cross, value };
  tiles.push(tile);
  image.onload = () => { tile.loaded = true; ready(tile); };
  image.src = map.under;
  frame.append(canvas, cross);
  listen(tile, tiles);
  return [frame, value];
}

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".maps");
  const settings = root.settings ?? { opacity: data.opacity, threshold: data.threshold, ring: data.ring };
  root.settings = settings; // what a visitor set stays when the maps get better
  const colours = bytes(data.colours);
  const tiles = [];
  const again = () => tiles.filter(tile => tile.loaded).forEach(tile => paint(tile, colours, settings));
  const bar = element("div", "bar");
  bar.append(
    slider("Opacity", settings.opacity, value => { settings.opacity = value; again(); }),
    slider("Hide below", settings.threshold, value => { settings.threshold = value; again(); }),
    legend(colours),
  );
  const grid = element("div", data.rows > 1 ? "grid rows" : "grid");
  grid.style.setProperty("--count", data.across);
  grid.append(...data.maps.map(map => card(map, tiles, tile => paint(tile, colours, settings))));
  root.replaceChildren(bar, grid);
}
