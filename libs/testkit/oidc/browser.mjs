// A browser without a window: follows the redirects of a sign-in at the provider, fills in the forms it is shown, and
// prints where it is sent in the end.
//   node browser.mjs AUTHORIZE_URL LOGIN REDIRECT
const [, , start, login, redirect] = process.argv;
const jar = new Map();
let [url, form] = [start, undefined];

for (let hops = 0; hops < 20; hops += 1) {
  if (url.startsWith(redirect)) {
    console.log(url);
    process.exit(0);
  }
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const response = await fetch(url, { method: form ? 'POST' : 'GET', body: form, headers: { cookie }, redirect: 'manual' });
  for (const line of response.headers.getSetCookie()) {
    const [name, ...value] = line.split(';')[0].split('=');
    if (value.join('=') === '') jar.delete(name);
    else jar.set(name, value.join('='));
  }
  const next = response.headers.get('location');
  if (next) {
    [url, form] = [new URL(next, url).href, undefined];
    continue;
  }
  const page = await response.text();
  const action = page.match(/<form[^>]*action="([^"]+)"/);
  const prompt = page.match(/name="prompt" value="([^"]+)"/);
  if (!action || !prompt) {
    console.error(`${response.status} ${page.slice(0, 2000)}`);
    process.exit(1);
  }
  url = new URL(action[1], url).href;
  form = new URLSearchParams({ prompt: prompt[1], login, password: 'any' });
}
console.error('too many redirects');
process.exit(1);
