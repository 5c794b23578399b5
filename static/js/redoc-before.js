// Runs before Redoc, so that it keeps the site's Content-Security-Policy: the styles that it makes while it is loaded
// carry the nonce of this script, and its footer does not fetch a picture from somebody else's server.
const nonce = document.currentScript.nonce;
const createElement = document.createElement.bind(document);

document.createElement = (name, options) => {
  const element = createElement(name, options);
  if (name === "style") {
    element.nonce = nonce;
  } else if (name === "img") {
    keepAtHome(element);
  }
  return element;
};

function keepAtHome(image) {
  const setAttribute = image.setAttribute.bind(image);
  image.setAttribute = (attribute, value) => {
    if (attribute === "src" && new URL(value, location.href).origin !== location.origin) {
      image.hidden = true;
    } else {
      setAttribute(attribute, value);
    }
  };
  Object.defineProperty(image, "src", { set: (value) => image.setAttribute("src", value) });
}
