// Elements, text and words. Text from outside becomes text nodes only, never markup.

export const byId = (id) => document.getElementById(id);

// What would steer the direction of text, or does not show, is spelled.
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
export const visible = (text) =>
  String(text).replace(STEERING, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);

// Make an element: attributes (functions are listeners, undefined and false ones are left out), then what is in it.
export function el(name, attributes = {}, ...inside) {
  const made = name === "svg" || name === "path" ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else if (key.startsWith("--")) made.style.setProperty(key, value);
    else made.setAttribute(key, value === true ? "" : visible(value));
  }
  made.append(...inside.flat().filter((part) => part != null && part !== "" && typeof part !== "boolean")
    .map((part) => (part instanceof Node ? part : visible(part))));
  return made;
}

export const fill = (parent, ...inside) => parent.replaceChildren(...inside.flat().filter(Boolean));

// Tell who can't see the page. Repeated words are announced again.
export function announce(text) {
  const status = byId("status");
  status.textContent = "";
  setTimeout(() => (status.textContent = visible(text)), 50);
}

export const percent = (share, digits = 1) => `${(share * 100).toFixed(digits)}%`;

export const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

// The numbers in base64 text.
export const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
