/*
 * As Mainsail plays a raw H.264 camera: jmuxer makes fragments of MP4 of what a WebSocket without
 * a subprotocol brings, and a <video> shows them. Knows nothing of nalcast. ?stream= is the URL
 * that its user has put into the settings, ?fps= the rate.
 */
(function () {
  'use strict';

  const query = new URLSearchParams(location.search);
  const state = { ready: false, errors: [], messages: 0 };
  window.mainsail = state;

  const muxer = new JMuxer({
    node: document.getElementById('video'),
    mode: 'video',
    flushingTime: 0,
    fps: Number(query.get('fps')),
    onReady() { state.ready = true; },
    onError(error) { state.errors.push(JSON.stringify(error) ?? String(error)); },
  });

  const socket = new WebSocket(query.get('stream'));
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', ({ data }) => {
    state.messages += 1;
    muxer.feed({ video: new Uint8Array(data) });
  });
  socket.addEventListener('error', () => state.errors.push('WebSocket'));
}());
