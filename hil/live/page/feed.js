// The WebSocket: takes updates apart, and comes back by itself when the server is gone for a while.

const RETRY_MS = [500, 1000, 2000, 4000];
const SILENCE_MS = 5000;

export function connect(onUpdate, onLink) {
  let failures = 0;
  let heard = performance.now();
  let socket;
  const open = () => {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/updates`);
    socket.binaryType = "arraybuffer";
    heard = performance.now();
    socket.onmessage = ({ data }) => {
      failures = 0;
      heard = performance.now();
      onLink(true);
      onUpdate(...takeApart(data));
    };
    socket.onclose = () => {
      onLink(false);
      setTimeout(open, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    };
  };
  setInterval(() => {
    if (socket.readyState === WebSocket.OPEN && performance.now() - heard > SILENCE_MS) socket.close();
  }, 1000);
  open();
}

// Four bytes of length, JSON, then the picture files that its "pictures" lists.
function takeApart(buffer) {
  const length = new DataView(buffer).getUint32(0);
  const update = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let offset = 4 + length;
  const pictures = update.pictures.map((entry) => {
    const file = entry.type ? new Blob([new Uint8Array(buffer, offset, entry.bytes)], { type: entry.type }) : null;
    offset += entry.bytes;
    return { ...entry, file };
  });
  return [update, pictures];
}
