// What the doctor's checks say, in Chinese. The English stands in cli/doctor-*.ts.

export const CHINESE_CHECKS: Readonly<Record<string, string>> = {
  "The configuration is invalid.": "配置无法使用。",

  // ---- configuration
  "The configuration is valid.": "配置可用。",
  "The configuration is invalid, so the server would not start.": "配置有误，服务器将无法启动。",
  "Correct the settings above in the environment or in .env. Run `factory-proxy help settings` for what each one does.":
    "请在环境变量或 .env 中更正上述内容。factory-proxy help settings 说明每个变量。",
  "No variable looks like a misspelled one.": "没有发现疑似拼错的变量。",
  "These variables may be misspelled: {names}.": "这些变量可能拼错了：{names}。",
  "Variables with unknown names have no effect.": "名称未知的变量不起任何作用。",
  "Correct their names, or remove them.": "请改成正确的名称，或删除它。",
  "TLS certificates are verified.": "会校验证书。",
  "NODE_TLS_REJECT_UNAUTHORIZED is 0, so TLS certificates are not verified.": "NODE_TLS_REJECT_UNAUTHORIZED 为 0，因此不校验证书。",
  "Anyone between you and Factory can read your key and your prompts.": "你与 Factory 之间的任何人都能读取你的密钥和提示词。",
  "Unset it. To trust your own certificate authority, set NODE_EXTRA_CA_CERTS to its file.":
    "请取消设置。如需信任自己的证书颁发机构，请在 NODE_EXTRA_CA_CERTS 中填写其文件。",
  "No HTTP proxy is set.": "没有设置 HTTP 代理。",
  "Calls to Factory go through an HTTP proxy: {names}.": "发往 Factory 的调用经过 HTTP 代理：{names}。",
  "An endpoint uses plain http, so that proxy can read keys and prompts.": "有一个端点使用明文 http，该代理可以读取密钥和提示词。",
  "Use an https URL, or add the endpoint's host to NO_PROXY.": "请使用 https URL，或在 NO_PROXY 中加入该端点的主机。",
  "The runtime ({runtime}) does not limit concurrent calls.": "运行时（{runtime}）不限制并发调用数。",
  "The runtime ({runtime}) allows {count} concurrent calls.": "运行时（{runtime}）可并发 {count} 个调用。",
  "{name} limits concurrent calls to {count}.": "{name} 为 {count}，并发调用数不会超过它。",
  "The server raises this limit itself unless it is set. MAX_CALLS is {count}.":
    "服务器本会自行解除此限制，但会保留已设置的值。MAX_CALLS 为 {count}。",
  "0: no limit": "0（不限）",
  "Unset {name}.": "请取消设置 {name}。",
  "The system does not limit open files.": "系统不限制打开的文件数。",
  "The limit on open files is unknown.": "此处无法得知可同时打开的文件数。",
  "It can only be read on Linux. Check it with: ulimit -n": "只有 Linux 提供此信息。可执行：ulimit -n",
  "Limit on open files and connections: {count}.": "可同时打开的文件和连接数：{count}。",
  "MAX_CALLS is {most}, and each call needs {count}.": "MAX_CALLS 为 {most}，每个调用占用 {count} 个。",
  "Raise the limit (ulimit -n {count}, LimitNOFILE= of systemd), or lower MAX_CALLS.":
    "请提高上限（ulimit -n {count}，或 systemd 的 LimitNOFILE=），或降低 MAX_CALLS。",

  // ---- keys
  "FACTORY_API_KEY is not set.": "未设置 FACTORY_API_KEY。",
  "Without it, each client must send its own Factory key.": "此时每个客户端必须自带 Factory 密钥。",
  "Create a key at {url} and set FACTORY_API_KEY.": "请在 {url} 创建密钥并设置 FACTORY_API_KEY。",
  "Copy the key again from {url}.": "请从 {url} 重新复制密钥。",
  "The Factory key looks valid.": "Factory 密钥的格式正确。",
  "The Factory key is an example's placeholder.": "Factory 密钥是示例中的占位符。",
  "The Factory key looks like a key from {owner}.": "Factory 密钥看起来是 {owner} 的密钥。",
  "this server": "本服务器",
  "Factory keys begin with fk-.": "Factory 的密钥以 fk- 开头。",
  "The Factory key does not look like a Factory key.": "Factory 密钥的格式不对。",
  "Factory keys begin with fk-, followed by at least 16 characters.": "Factory 的密钥以 fk- 开头，后接至少 16 个字符。",
  "Other machines can reach {host}. Keys in PROXY_API_KEY shorter than {least} characters, which can be guessed: {count}.":
    "其他机器可以访问 {host}。PROXY_API_KEY 中有 {count} 个密钥不足 {least} 个字符，可能被猜到。",
  "A client key is too short.": "有客户端密钥过短。",
  "Make a key with `factory-proxy keys add NAME`.": "创建密钥：factory-proxy keys add NAME",
  "Client keys: {count}.": "客户端密钥：{count} 个。",
  "Client keys: {count}, not counting those in the store, which can't be read.":
    "客户端密钥：{count} 个，不含存储中的密钥（存储无法读取）。",
  "No client keys: each client sends its own Factory key.": "没有客户端密钥：每个客户端自带 Factory 密钥。",
  "No client keys: any program on this machine may call (ANONYMOUS=loopback).":
    "没有客户端密钥：本机上的任何程序都可以调用（ANONYMOUS=loopback）。",
  "There are no client keys.": "没有客户端密钥。",
  "The server makes a random key at each start and prints it once.": "服务器每次启动都会生成一个随机密钥，并打印一次。",
  "Make a permanent key with `factory-proxy keys add NAME`.": "创建固定的密钥：factory-proxy keys add NAME",
  "The permissions of .env are not checked on Windows.": "在 Windows 上不检查谁可以读取变量文件。",
  "There is no {path}.": "{path} 不存在。",
  "Only you can read {path}.": "只有你可以读取 {path}。",
  "Other users of this machine can read {path}.": "本机的其他用户可以读取 {path}。",
  "It may contain keys.": "其中可能有密钥。",

  // ---- host
  "{origin} answers in {count} ms.": "{origin} 在 {count} 毫秒内响应。",
  "Its status is {status}.": "状态码为 {status}。",
  "Try again later; see status.factory.ai.": "请稍后再试；参见 status.factory.ai。",
  "{origin} can't be found: DNS has no address for it.": "{origin} 没有地址：主机名无法解析。",
  "{origin} refuses connections.": "{origin} 不接受连接。",
  "{origin} has a certificate that this machine does not trust.": "{origin} 的证书在此不受信任。",
  "{origin} does not answer.": "{origin} 没有响应。",
  "{origin} can't be reached.": "无法连接 {origin}。",
  "No answer in {count} seconds.": "{count} 秒内没有响应。",
  "Check the spelling of the URL, the network and its DNS. If this network has an HTTP proxy, set HTTPS_PROXY.":
    "请检查 URL 的拼写、网络和 DNS。如果网络使用 HTTP 代理，请设置 HTTPS_PROXY。",
  "Check the URL's port, the firewall and, if HTTPS_PROXY is set, that proxy.":
    "请检查 URL 的端口和防火墙；如果设置了 HTTPS_PROXY，也请检查该代理。",
  "If your network inspects TLS, set NODE_EXTRA_CA_CERTS (DENO_CERT on Deno) to its certificate authority's file. Otherwise somebody may be intercepting your traffic.":
    "如果你的网络会检查 TLS，请在 NODE_EXTRA_CA_CERTS（Deno 上为 DENO_CERT）中填写其证书颁发机构的文件。否则可能有人在窃听。",
  "Check the firewall and the network. If this network has an HTTP proxy, set HTTPS_PROXY.":
    "请检查防火墙和网络。如果网络使用 HTTP 代理，请设置 HTTPS_PROXY。",
  "Check the URL, the network and its proxy.": "请检查 URL、网络及其代理。",
  "{host} redirects to {other}, and calls do not follow redirects.": "{host} 把调用方重定向到 {other}，而调用不会跟随重定向。",
  "Your calls should go to {host}.": "你的调用应发往 {host}。",
  "Set FACTORY_BASE_URL=https://{host}": "请设置 FACTORY_BASE_URL=https://{host}",
  "Calls go to {host}. Organisations in the EU need {setting}.": "调用发往 {host}。欧盟组织请设置 {setting}。",
  "Calls go to {host}, for organisations in the EU.": "调用发往 {host}（适用于欧盟组织）。",
  "Calls go to {host}.": "调用发往 {host}。",
  "That was the host until 2025-11. It now reportedly answers calls with 401.": "这是 2025-11 之前的主机，据说此后对调用返回 401。",
  "Set FACTORY_BASE_URL=https://{host}, or {setting}": "请设置 FACTORY_BASE_URL=https://{host}，或 {setting}",
  "Calls go to {host}, which is not a Factory host.": "调用发往 {host}，它不是 Factory 的主机。",
  "It receives your Factory key and your prompts.": "它会收到你的 Factory 密钥和提示词。",
  "If you do not intend this, unset FACTORY_BASE_URL and the variables that end in _TARGET_URL, and check `target` in the model file.":
    "如果并非有意，请取消设置 FACTORY_BASE_URL 和以 _TARGET_URL 结尾的变量，并检查模型文件中的 `target`。",
  "{origin} sent no Date header.": "{origin} 没有给出时间。",
  "This machine's clock matches the host's.": "本机时钟与主机一致。",
  "This machine's clock is {time} ahead of the host's.": "本机时钟比主机快 {time}。",
  "This machine's clock is {time} behind the host's.": "本机时钟比主机慢 {time}。",
  "{count} second|{count} seconds": "{count} 秒",
  "Budget and plan windows then start at the wrong time, and certificates may look invalid.":
    "这样预算和套餐的时间窗口会在其他时刻开始，证书也可能被视为无效。",
  "Sync the clock over the network (NTP). A virtual machine may need that after it slept.":
    "请通过网络（NTP）校时。虚拟机休眠后也需要校时。",

  // ---- models
  "Known models: {count}, {own} of them changed or added by CONFIG_PATH.": "已知模型：{count} 个，其中 {own} 个由 CONFIG_PATH 修改或新增。",
  "No endpoint was called.": "没有调用任何端点。",
  "factory-proxy doctor --live ({cost})": "factory-proxy doctor --live（{cost}）",
  "about {credits} credits, or ${usd} at list prices": "约 {credits} 额度点，按标价为 ${usd}",
  "No Factory key is set, so no calls were made.": "没有可用于调用的 Factory 密钥。",
  "No known model uses this protocol.": "没有已知的模型使用此协议。",

  // ---- quota
  "No Factory key is set, so the plan was not checked.": "没有可用于查询的 Factory 密钥。",
  "Factory does not show this key what is left of the plan.": "Factory 不向此密钥提供套餐的剩余额度。",
  "Factory answers {status}: it shows the plan's limits to people who sign in, but not to this key.":
    "Factory 返回 {status}：套餐额度只对登录用户显示，不对此密钥显示。",
  "Nothing, if calls work (check with --live). If they also get 401, the key is wrong or belongs to the other region.":
    "如果调用正常（见 --live），则无需处理。如果调用也返回 401，说明密钥有误，或属于另一个区域。",
  "Asking Factory is off (QUOTA_INTERVAL is 0).": "QUOTA_INTERVAL 为 0，因此不向 Factory 查询。",
  "Factory was not asked.": "没有向 Factory 查询。",
  "Factory was not asked, because no calls go to FACTORY_BASE_URL.": "没有调用发往 FACTORY_BASE_URL，因此不向 Factory 查询。",
  "What is left of the plan is unknown.": "套餐的剩余额度未知。",
  "Factory's billing endpoint can't be reached.": "无法连接 Factory 的计费端点。",
  "Factory's billing endpoint answers {status}.": "Factory 的计费端点返回 {status}。",
  "Factory's billing endpoint sent an answer in an unknown format.": "Factory 的计费端点返回了无法识别的格式。",
  "Calls work without it. If calls work but this warning remains, look for a newer version of this program.":
    "调用不受影响。如果调用能到达 Factory 而此问题仍在，请查看本程序是否有新版本。",
  "Used of the plan: {windows}.": "套餐已用：{windows}。",
  "Usage beyond a window costs extra.": "超出时间窗口的用量另行计费。",
  "Calls get 402 while a window is used up.": "时间窗口用尽期间，调用返回 402。",
  "Run `factory-proxy quota` for the reset. QUOTA_GUARD keeps some of the plan for running conversations.":
    "重置时间见 factory-proxy quota；QUOTA_GUARD 可为进行中的对话预留额度。",

  // ---- clients
  "{agent} uses its vendor's own service.": "{agent} 调用其厂商自己的服务。",
  "Run `factory-proxy launch {id}`, or `factory-proxy setup {id}` to make it permanent.":
    "factory-proxy launch {id}，或永久设置：factory-proxy setup {id}",
  "{agent} points at this server: {urls}.": "{agent} 指向本服务器：{urls}。",
  "{agent} points at {urls}.": "{agent} 指向 {urls}。",
  "{agent} (unknown version)": "{agent} (版本未知)",
  "{agent} (tested: {version})": "{agent} (已测试版本：{version})",
  "Not installed: {agents}.": "未安装：{agents}。",
  "{agent} may send {other} to the address in {url} instead of this server's key. It then gets 401, or asks which key to use.":
    "{agent} 可能把 {other} 而不是本服务器的密钥发往 {url} 中的地址，从而收到 401，或询问使用哪一个。",
  "{other} and {name} are both set.": "同时设置了 {other} 和 {name}。",
  "Unset {other} where you use this server, or use factory-proxy launch": "使用本服务器时请取消设置 {other}，或使用 factory-proxy launch",
  "No environment variable redirects an agent.": "没有变量把 agent 引向别处。",
  "These environment variables redirect an agent: {names}.": "有变量把 agent 引向别处：{names}。",
  "They override the settings that point it at this server.": "它们优先于指向本服务器的设置。",
  "Unset them, or use factory-proxy launch, which removes them.": "请取消设置，或使用会去掉它们的 factory-proxy launch。",
  "No HTTP proxy is between agents and this server.": "agent 与本服务器之间没有 HTTP 代理。",
  "An HTTP proxy is set ({names}), and NO_PROXY includes {host}.": "设置了 HTTP 代理（{names}），NO_PROXY 已排除 {host}。",
  "An HTTP proxy is set ({names}), and NO_PROXY does not include {host}.": "设置了 HTTP 代理（{names}），但 NO_PROXY 不包含 {host}。",
  "Agents try to reach this server through that proxy, which can't reach it.": "agent 会通过该代理访问本服务器，而代理无法连接到它。",
  "Set NO_PROXY=127.0.0.1,localhost. factory-proxy launch does this for you.":
    "请设置 NO_PROXY=127.0.0.1,localhost。factory-proxy launch 会自动设置。",

  // ---- network
  "PORT is 0, so each start picks a free port.": "PORT 为 0，每次启动使用不同的端口。",
  "A server is running at {url}.": "本程序的服务器正在 {url} 响应。",
  "Port {port} is free: no server is running.": "端口 {port} 空闲：没有服务器在运行。",
  "Start it with `factory-proxy serve`.": "启动：factory-proxy serve",
  "Port {port} is in use.": "端口 {port} 已被占用。",
  "Port {port} is in use by {owner}.": "端口 {port} 已被占用：{owner}。",
  "It is not this program, so the server can't start.": "在该端口响应的不是本程序，因此服务器无法启动。",
  "Stop that program, or set another PORT.": "请停止该程序，或为 PORT 设置其他端口。",
  "Only this machine can reach the server (HOST is {host}).": "只有本机可以访问服务器（HOST 为 {host}）。",
  "Other machines can reach the server (HOST is {host}).": "其他机器可以访问服务器（HOST 为 {host}）。",
  "They use plain HTTP, so keys and prompts can be read on the way.": "它们使用明文 HTTP，密钥和提示词可能在途中被读取。",
  "If you do not intend this, set HOST=127.0.0.1. Otherwise put a reverse proxy with TLS in front, and check it with --url.":
    "如果并非有意，请设置 HOST=127.0.0.1。否则请在前面放置带 TLS 的反向代理；参见 --url。",
  "The reverse proxy was not checked.": "没有检查反向代理。",
  "Run factory-proxy doctor --url URL, with the address your clients use.": "运行 factory-proxy doctor --url URL，填写客户端使用的地址。",

  // ---- store
  "The store is in memory.": "存储在内存中。",
  "Keys, budgets and usage are lost when the server stops.": "服务器停止后，密钥、预算和用量都会丢失。",
  "Unset DATABASE_URL to keep keys and usage in a file.": "取消设置 DATABASE_URL，即可把密钥和用量保存在文件中。",
  "The store does not return what was written.": "存储没有保留写入的内容。",
  "The store ({kind}) works.": "存储（{kind}）可以写入。",
  "The store can't be used.": "存储无法使用。",
  "Check DATABASE_URL, DATA_DIR and their permissions.": "请检查 DATABASE_URL 和 DATA_DIR，以及写入权限。",
  "The store is not a file.": "此处的存储不是文件。",
  "The store's file has no location.": "未指定存储文件的位置。",
  "{path} is {size} MiB.": "{path} 大小为 {size} MiB。",
  "{path} is {size} MiB, with {free} MiB free.": "{path} 大小为 {size} MiB，剩余空间 {free} MiB。",
  "On a full disk, usage is not recorded and keys can't be changed.": "磁盘写满后，无法保存用量，也无法更改密钥。",
  "Free some space, or lower LEDGER_DAYS.": "请释放一些空间，或降低 LEDGER_DAYS。",
  "List prices as of {date}, {time} ago.": "标价日期为 {date}（{time}前）。",
  "{count} day|{count} days": "{count} 天",
  "Cost estimates may be wrong.": "调用费用的计算可能不准确。",
  "Install a newer version, or set prices in the model file (CONFIG_PATH).": "请安装新版本，或在 CONFIG_PATH 指定的文件中填写价格。",
};
