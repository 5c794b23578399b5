/* The camera as a scanner: what it reads goes into the field of the desk and is sent as if it had been scanned.

   [data-camera]        the button that opens and closes it; hidden where there is no camera to ask for
   #desk-camera         the part with the picture; data-reader: address of the library that reads codes where the browser
                        has no BarcodeDetector of its own, fetched when it is needed
   A code that stays before the camera is read once; it is read again after it was away for a moment. */

const part = document.getElementById("desk-camera");
const button = document.querySelector("[data-camera]");
const form = document.querySelector("form[data-scan]");
const FORMATS = ["ean_13", "ean_8", "code_128", "code_39", "codabar", "itf", "qr_code"];
const PAUSE = 150;
const FORGOTTEN_AFTER = { time: 2_500, looks: 8 };

let stream;
let seen = "";
let seenAt = 0;
let looks = 0;

async function ownDetector() {
  if (!("BarcodeDetector" in window)) return null;
  const known = await BarcodeDetector.getSupportedFormats();
  const formats = FORMATS.filter((format) => known.includes(format));
  if (!formats.includes("code_128")) return null;
  const detector = new BarcodeDetector({ formats });
  return async (picture) => (await detector.detect(picture))[0]?.rawValue;
}

async function libraryDetector() {
  if (!window.ZXing) {
    await new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement("script"), { src: part.dataset.reader, onload: resolve, onerror: reject });
      document.head.append(script);
    });
  }
  const { BarcodeFormat, BinaryBitmap, DecodeHintType, HTMLCanvasElementLuminanceSource, HybridBinarizer, MultiFormatReader } = window.ZXing;
  const reader = new MultiFormatReader();
  reader.setHints(new Map([
    [DecodeHintType.POSSIBLE_FORMATS, FORMATS.map((format) => BarcodeFormat[format.toUpperCase()])],
    [DecodeHintType.TRY_HARDER, true],
  ]));
  return async (picture) => {
    try {
      return reader.decodeWithState(new BinaryBitmap(new HybridBinarizer(new HTMLCanvasElementLuminanceSource(picture)))).getText();
    } catch {
      return ""; // it throws where it sees no code
    }
  };
}

function take(code) {
  const isNew = code !== seen || (Date.now() - seenAt > FORGOTTEN_AFTER.time && looks > FORGOTTEN_AFTER.looks);
  [seen, seenAt, looks] = [code, Date.now(), 0];
  if (!isNew) return;
  form.elements.code.value = code;
  form.requestSubmit();
  part.querySelector("[data-read]").textContent = code;
}

async function watch(video, detect) {
  const canvas = document.createElement("canvas");
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  while (stream) {
    if (video.videoWidth) {
      [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
      brush.drawImage(video, 0, 0);
      const code = (await detect(canvas))?.trim();
      looks += 1;
      if (code && stream) take(code);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

async function open() {
  part.hidden = false;
  part.querySelector("[data-refused]").hidden = true;
  button.setAttribute("aria-expanded", "true");
  form.elements.code.inputMode = "none"; // no keyboard over the picture
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
    const video = part.querySelector("video");
    video.srcObject = stream;
    await video.play();
    await watch(video, (await ownDetector()) ?? (await libraryDetector()));
  } catch {
    close();
    part.hidden = false;
    part.querySelector("[data-refused]").hidden = false;
  }
}

function close() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = undefined;
  seen = "";
  part.hidden = true;
  button.setAttribute("aria-expanded", "false");
  form.elements.code.inputMode = "";
}

if (button && navigator.mediaDevices?.getUserMedia) {
  button.hidden = false;
  button.addEventListener("click", () => (stream ? close() : open()));
  addEventListener("pagehide", close);
}
