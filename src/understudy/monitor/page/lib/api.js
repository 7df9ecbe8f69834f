// The monitor's own routes, and what they say when they refuse.

export async function errorText(answer) {
  try {
    const { error } = await answer.json();
    return [error.message, error.found, error.where, error.remedy].filter(Boolean).join("\n");
  } catch {
    return `The monitor answered ${answer.status}.`;
  }
}

export async function fetchJson(url) {
  let answer;
  try {
    answer = await fetch(url);
  } catch {
    throw new Error("The monitor does not answer. Is it still running?");
  }
  if (!answer.ok) throw new Error(await errorText(answer));
  return answer.json();
}
