// AgentPhone's own TypeScript client (npm: agentphone) against a local stack, unchanged but for its base URL.
//
// Usage: node agentphone_client.mjs http://127.0.0.1:3000

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { AgentPhoneClient } from "agentphone";

const url = process.argv[2];
const agent_id = "agt_abc123";
const server = createServer((request, response) => request.resume().on("end", () => response.end("ok")));
server.listen(0, "127.0.0.1");
await once(server, "listening");
const hook = `http://127.0.0.1:${server.address().port}/hook`;

const options = { baseUrl: `${url}/agentphone`, maxRetries: 0 };
const client = new AgentPhoneClient({ token: "sk_live_switchhook_local", ...options });

assert.equal(await client.agentWebhooks.getAgentWebhook({ agent_id }), null);
const set = await client.agentWebhooks.createOrUpdateAgentWebhook({ agent_id, body: { url: hook, contextLimit: null } });
assert.deepEqual([set.url, set.contextLimit, set.timeout, set.status], [hook, 10, 30, "active"]);
assert.deepEqual(await client.agentWebhooks.getAgentWebhook({ agent_id }), set);
const tested = await client.agentWebhooks.testAgentWebhook({ agent_id });
assert.deepEqual(tested, { success: true, httpStatus: 200, errorMessage: null });
assert.deepEqual(await client.agentWebhooks.listAgentDeliveries({ agent_id, limit: 5 }), []);
assert.deepEqual(await client.agentWebhooks.deleteAgentWebhook({ agent_id }), { success: true });

const project = await client.webhooks.createOrUpdateWebhook({ body: { url: hook, timeout: 5 } });
assert.deepEqual(await client.webhooks.getWebhook(), project);
assert.equal((await client.webhooks.testWebhook({ agentId: agent_id })).success, true);
assert.deepEqual(await client.webhooks.deleteWebhook(), { success: true });

await assert.rejects(client.agentWebhooks.deleteAgentWebhook({ agent_id }), { statusCode: 404 });
await assert.rejects(client.webhooks.createOrUpdateWebhook({ body: { url: 5 } }), { statusCode: 422 });
await assert.rejects(new AgentPhoneClient({ token: "wrong", ...options }).webhooks.getWebhook(), { statusCode: 401 });
server.close();
console.log("AgentPhone's TypeScript client is served");
