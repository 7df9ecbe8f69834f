// Requests to the monitor's own routes, and the text of their errors.

async function errorText(answer) {
  try {
    const { error } = await answer.json();
    return [error.message, error.found, error.where, error.remedy].filter(Boolean).join("\n");
  } catch {
    return `The monitor answered ${answer.status}.`;
  }
}

// The response of a route such as /api/runs, below the path under which a proxy serves the page.
export async function fetchRoute(path, options) {
  let answer;
  try {
    answer = await fetch(window.usRootPath + path, options);
  } catch {
    throw new Error("The monitor does not answer. Is it still running?");
  }
  if (!answer.ok) throw new Error(await errorText(answer));
  return answer;
}

export async function fetchJson(path) {
  return (await fetchRoute(path)).json();
}

// Post or delete; the answer's JSON.
export async function sendJson(method, path, body) {
  const headers = { "content-type": "application/json" };
  return (await fetchRoute(path, { method, headers, body: JSON.stringify(body ?? {}) })).json();
}
