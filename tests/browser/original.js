/*
 * As people write it who follow the original description: Broadway's Player with its own drawing,
 * a WebSocket without a subprotocol, each message given to decode(). Knows nothing of nalcast.
 * ?worker=0 decodes on the page, ?webgl=1 draws with WebGL.
 */
(function () {
  'use strict';

  var query = new URLSearchParams(location.search);
  var player = new Player({
    useWorker: query.get('worker') !== '0',
    workerFile: 'assets/broadway/Decoder.js',
    webgl: query.get('webgl') === '1',
    preserveDrawingBuffer: true,
    size: { width: 640, height: 480 },
  });
  document.getElementById('viewer').appendChild(player.canvas);

  var state = { drawn: 0, messages: 0, width: 0, height: 0 };
  player.onRenderFrameComplete = function (frame) {
    state.drawn += 1;
    state.width = frame.width;
    state.height = frame.height;
  };
  window.original = state;

  var url = new URL('stream', document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  var socket = new WebSocket(url.href);
  socket.binaryType = 'arraybuffer';
  socket.onmessage = function (msg) {
    state.messages += 1;
    player.decode(new Uint8Array(msg.data));
  };
}());
