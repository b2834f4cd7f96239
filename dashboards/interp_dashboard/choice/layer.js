// Draws a network, stage by stage, and tells which of its layers are picked.

function element(kind, name, text) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function layer(drawn, picked, toggle) {
  const button = element("button", "", drawn.label);
  button.type = "button";
  button.title = `${drawn.name}: ${drawn.about}`;
  button.setAttribute("aria-label", button.title);
  button.setAttribute("aria-pressed", picked.has(drawn.name));
  button.addEventListener("click", () => toggle(drawn.name));
  return button;
}

function stage(drawn, picked, toggle) {
  const box = element("section");
  const bar = element("div", "cells");
  bar.style.width = `${Math.max(4, 100 * drawn.side)}%`;
  const blocks = element("div", "blocks");
  for (const each of drawn.blocks) {
    const block = element("div", "block");
    block.append(...each.map(one => layer(one, picked, toggle)));
    blocks.append(block);
  }
  box.append(element("h4", "", drawn.name), element("p", "", drawn.about), bar, blocks);
  return box;
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".network");
  const picked = new Set(data.picked);
  const draw = () => root.replaceChildren(...data.stages.map(each => stage(each, picked, toggle)));
  function toggle(name) {
    const was = picked.has(name);
    if (!data.several) picked.clear();
    if (was) picked.delete(name); else picked.add(name);
    const place = [...root.querySelectorAll("button")].indexOf(root.getRootNode().activeElement);
    draw();
    root.querySelectorAll("button")[place]?.focus(); // who uses the keyboard stays there
    setStateValue("picked", [...picked]);
  }
  draw();
}
