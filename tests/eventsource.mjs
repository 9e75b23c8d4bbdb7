// Follows a job with the npm package `eventsource` for as long as that comes back, with a token in
// a header as its documentation says. Prints `open` at each connection, every event's text, and
// the status at which the package gave up.
import { EventSource } from 'eventsource';

const { URL: url, TOKEN: token } = process.env;
const source = new EventSource(url, {
  fetch: (address, init) =>
    fetch(address, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
});
source.addEventListener('open', () => console.log('open'));
source.addEventListener('message', ({ data }) => console.log(data));
source.addEventListener('error', ({ code }) => {
  if (source.readyState === EventSource.CLOSED) console.log(`closed ${code}`);
});
