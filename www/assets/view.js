/*
 * The picture on the page: one canvas inside an element of the embedder's, and the painting of
 * what the decoders give. A canvas keeps the type of its first context, so one that does not fit
 * is replaced, in the same task that paints the new one: nothing flickers.
 *
 * A picture is painted when it arrives. Only when they come in a burst (the page was busy, or the
 * decoder catches up) does painting wait until those already queued have come too, and then the
 * newest is painted alone. No requestAnimationFrame: it would add half a refresh on average.
 */

const BURST_MS = 6;

/* Software GL paints I420 slower than 2D does, and freely falls seconds behind. */
export function hasHardwareGl() {
  const gl = document.createElement('canvas').getContext('webgl');
  if (!gl) return false;
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  const name = gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

let yuvCanvas = null;

/* Broadway's YUVCanvas is a classic script; it is needed on the WebGL path alone. */
export function loadYuvCanvas(assets) {
  yuvCanvas ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = new URL('YUVCanvas.js', assets).href;
    script.onload = () => resolve(window.YUVCanvas);
    script.onerror = () => reject(new Error('YUVCanvas.js could not be loaded'));
    document.head.append(script);
  });
  return yuvCanvas;
}

export class View {
  #host;
  #onPainted;
  #canvas;
  #type = null;
  #context = null;
  #conversion = null;
  #next = null;
  #posted = false;
  #paintedAt = -Infinity;
  #hop = new MessageChannel();

  /* Pictures that a newer one overtook before they were painted. */
  overtaken = 0;

  /* onPainted(unit) runs right after its picture is on the canvas. */
  constructor(host, onPainted) {
    this.#host = host;
    this.#onPainted = onPainted;
    this.#canvas = document.createElement('canvas');
    this.#canvas.setAttribute('role', 'img');
    this.#canvas.setAttribute('aria-label', 'Live picture of the camera');
    host.append(this.#canvas);
    this.#hop.port1.onmessage = () => {
      this.#posted = false;
      this.#paintNext();
    };
  }

  get canvas() {
    return this.#canvas;
  }

  get renderer() {
    return this.#type;
  }

  /* Takes the picture over: paints and closes it. */
  offer(picture) {
    if (this.#next) {
      this.#next.close();
      this.overtaken += 1;
    }
    this.#next = picture;
    if (this.#posted) return;
    if (performance.now() - this.#paintedAt > BURST_MS) {
      this.#paintNext();
      return;
    }
    this.#posted = true;
    this.#hop.port2.postMessage(null);
  }

  remove() {
    this.#next?.close();
    this.#next = null;
    this.#hop.port1.close();
    this.#canvas.remove();
  }

  #paintNext() {
    const picture = this.#next;
    this.#next = null;
    if (!picture) return;
    if (picture.kind === 'i420') this.#paintI420(picture);
    else this.#paint2d(picture);
    picture.close();
    this.#paintedAt = performance.now();
    this.#onPainted(picture.unit);
  }

  #paint2d(picture) {
    const { width, height } = picture;
    if (this.#type !== '2d') {
      this.#replaceCanvas();
      this.#context = this.#canvas.getContext('2d', { alpha: false });
      this.#type = '2d';
    }
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    if (picture.kind === 'frame') this.#context.drawImage(picture.frame, 0, 0, width, height);
    else this.#putRgba(picture);
  }

  #putRgba({ bytes, stride, rows, left, top, width, height }) {
    const pixels = new Uint8ClampedArray(bytes.buffer, bytes.byteOffset, stride * rows * 4);
    const image = new ImageData(pixels, stride, rows);
    this.#context.putImageData(image, -left, -top, left, top, width, height);
  }

  #paintI420(picture) {
    const { bytes, stride, rows, width, height, conversion } = picture;
    const fits = this.#type === 'webgl' && this.#canvas.width === width
      && this.#canvas.height === height && this.#conversion === conversion;
    if (!fits) this.#openGl(width, height, conversion);
    const ySize = stride * rows;
    const cSize = ySize / 4;
    this.#context.drawNextOutputPicture({
      yData: bytes.subarray(0, ySize),
      uData: bytes.subarray(ySize, ySize + cSize),
      vData: bytes.subarray(ySize + cSize, ySize + 2 * cSize),
      yDataPerRow: stride,
      yRowCnt: rows,
      uDataPerRow: stride / 2,
      uRowCnt: rows / 2,
    });
  }

  #openGl(width, height, conversion) {
    this.#replaceCanvas();
    this.#context = new window.YUVCanvas({
      canvas: this.#canvas,
      width,
      height,
      conversionType: conversion,
      contextOptions: { alpha: false, antialias: false, preserveDrawingBuffer: true },
    });
    this.#type = 'webgl';
    this.#conversion = conversion;
    const canvas = this.#canvas;
    canvas.addEventListener('webglcontextlost', () => {
      if (canvas === this.#canvas) this.#type = null;
    });
  }

  /* The old one, if anything was painted on it, gives its GL context back at once. */
  #replaceCanvas() {
    if (this.#type === null && !this.#context) return;
    const fresh = this.#canvas.cloneNode(false);
    const old = this.#canvas;
    const gl = this.#type === 'webgl' ? old.getContext('webgl') : null;
    this.#canvas = fresh;
    old.replaceWith(fresh);
    gl?.getExtension('WEBGL_lose_context')?.loseContext();
  }
}
