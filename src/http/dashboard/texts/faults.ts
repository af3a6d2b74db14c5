// The admin API's errors, in Chinese. The English stands where the errors are made.

export const CHINESE_FAULTS: Readonly<Record<string, string>> = {
  // ---- What is typed into the form of a key
  "A name must have 1 to 64 letters or digits, with . _ - allowed between them.": "名称为 1 到 64 个字母或数字，中间可以有 .、_ 和 -。",
  '"{name}" is not a key. Use keys set {row} to change its limits.':
    "“{name}”不是密钥：可在“所有密钥的默认限制”中或用 keys set {row} 更改其限制。",
  "Names that begin with env- are reserved for keys in PROXY_API_KEY.": "以 env- 开头的名称保留给 PROXY_API_KEY 中的密钥。",
  '"{name}" is not a key and does not expire.': "“{name}”不是密钥，不会过期。",
  '"{name}" is not a key and can\'t be turned off.': "“{name}”不是密钥，无法停用。",
  '"{name}" has no key in the store.': "存储中没有“{name}”的密钥。",
  'PROXY_API_KEY already has a key named "{name}".': "PROXY_API_KEY 中已有名为“{name}”的密钥。",
  '"{name}" is set in PROXY_API_KEY. Remove it there.': "“{name}”来自 PROXY_API_KEY，请在那里删除。",
  '"{name}" has no budget in {unit} to raise.': "“{name}”没有以 {unit} 计的预算可以提高。",
  'A key named "{name}" already exists.': "密钥“{name}”已存在。",
  'There is no key "{name}".': "没有密钥“{name}”。",
  'There is no key "{name}". Did you mean "{meant}"?': "没有密钥“{name}”。是否想写“{meant}”？",
  "A note can have at most {count} characters.": "备注最多 {count} 个字符。",
  "Write {amounts}.": "请填写{amounts}。",
  "an amount such as 5usd, 20M-credits or 500k-tokens": "数额，例如 5usd、20M-credits 或 500k-tokens",
  "a duration such as 90s, 15m, 24h or 30d": "时长，例如 90s、15m、24h 或 30d",
  "The grace period must be {durations}.": "宽限期应为{durations}。",
  "The end of a raise must be a duration, a date or a time.": "提高预算的有效期应为时长、日期或时间。",
  "{name} must be a whole number such as 60 or 400k, or none or default.": "{name}应为整数，例如 60 或 400k，或 none、default 之一。",
  rpm: "每分钟请求数",
  tpm: "每分钟 token 数",
  parallel: "并发调用数",
  "models must be names, globs and pools, separated by commas, such as claude-*,!claude-opus-*,@core, or all or default.":
    "模型应为用逗号分隔的名称、通配符和额度池，例如 claude-*,!claude-opus-*,@core，或 all、default 之一。",
  "A budget must be {amounts} with a period, such as 5usd/day. Periods are 5h, day, week, month, ever and session.":
    "预算应为{amounts}，并注明周期：5usd/day。周期可为 5h、day、week、month、ever 和 session。",
  "There are two budgets in {unit} per {period}.": "有两个以 {unit} 计、周期为 {period} 的预算。",
  "soft must be a share of the budget in percent, from 1 to 99, optionally with a cheaper model, such as 80 or 80:glm-5.2, or none or default.":
    "阈值应为预算的百分比（1 到 99），可附带更便宜的模型，例如 80 或 80:glm-5.2，或 none、default 之一。",
  "zone must be the name of a time zone such as Asia/Shanghai or UTC.": "时区应为时区名称，例如 Asia/Shanghai 或 UTC。",
  'The expiry must be {durations}, "30d after first use", a date such as 2026-12-31, or a time such as 2026-12-31T18:00:00Z.':
    "请把截止时间写成{durations}，或 30d after first use，或日期（2026-12-31），或时间（2026-12-31T18:00:00Z）。",
  "The expiry must be in the future.": "截止时间必须晚于现在。",
  'Unknown model "{name}". {hint}': "未知模型“{name}”。{hint}",
  "A model name has 1 to {count} characters and no spaces. {hint}": "模型名称为 1 到 {count} 个字符，不含空格。{hint}",
  "Did you mean {names}? {hint}": "是否想写 {names}？{hint}",
  '"{one}" or "{other}"': "“{one}”或“{other}”",
  "GET /v1/models lists the known models.": "已知模型见“模型”页面或 GET /v1/models。",

  // ---- What is typed into a filter
  "status must be a number (429), a class (4xx), or ok, error, cut or cancelled.":
    "状态应为数字（429）、类别（4xx），或 ok、error、cut、cancelled 之一。",
  "limit must be a whole number from 1 to {count}.": "limit 应为 1 到 {count} 的整数。",
  "Unknown parameter {name}. Known parameters: {names}.": "没有参数 {name}。可用的有 {names}。",
  "{name} must be one of {words}.": "{name} 应为 {words} 之一。",
  "{name} must be a date (2026-11-01), an age (7d, 12h), or a time (2026-11-01T08:00:00Z).":
    "{name}：请填写日期（2026-11-01）、距今的时长（7d、12h），或 2026-11-01T08:00:00Z。",

  since: "时间范围",
  until: "截至",

  // ---- Bodies
  "The body must be a JSON object.": "请求正文应为 JSON 对象。",
  "The body must be JSON, with the content type application/json.": "请求正文应为 JSON，content type 为 application/json。",
  "Unknown member {name}. Known members: {names}.": "没有成员 {name}。可用的有 {names}。",
  "{name} must be a string or null.": "{name} 应为文本或 null。",
  "{name} must be true or false.": "{name} 应为 true 或 false。",
  "{name} must be a list of strings or null.": "{name} 应为文本列表或 null。",
  "{name} must be a whole number, a string or null.": "{name} 应为整数、文本或 null。",
  "{name} is missing: a string.": "缺少 {name}（文本）。",
  "{name} must be a string.": "{name} 应为文本。",

  // ---- Calls, the store, the server
  "Call {id} is not running here.": "此处没有进行中的调用 {id}。",
  "There is no call {id}.": "没有调用 {id}。",
  "Call {id} is not running here. It has ended, or runs in another gateway.": "此处没有进行中的调用 {id}。它已经结束，或在另一个网关上。",
  "This server has no store. Set DATABASE_URL or DATA_DIR.": "本服务器没有存储。请设置 DATABASE_URL 或 DATA_DIR。",
  "The store can't be reached: {reason}": "无法连接存储：{reason}",
  "The database can't be reached.": "数据库无法连接。",
  "The database can't be reached: {reason}": "数据库无法连接：{reason}",
  "The database does not answer.": "数据库没有响应。",
  "The database is closed.": "数据库已关闭。",
  "The database file {path} can't be used: {reason}.": "数据库文件 {path} 无法使用：{reason}。",
  "Move it elsewhere and restart to create a new one, or set DATABASE_URL to another database.":
    "请把它移到别的文件夹后重新启动，会新建一个；或把 DATABASE_URL 设为另一个数据库。",
  "Set DATA_DIR to a writable folder, or set DATABASE_URL.": "请把 DATA_DIR 设为可写的文件夹，或设置 DATABASE_URL。",
  "Set DATA_DIR to a writable folder.": "请把 DATA_DIR 设为可写的文件夹。",
  "This server has no Factory key, so it can't ask about a plan.": "本服务器没有 Factory 密钥，因此没有可查询的套餐。",
  "This server does not offer this.": "本服务器不提供此功能。",
  "{count} of these streams are already open.": "已打开 {count} 个这样的事件流。",
  "The server is stopping.": "服务器即将停止。",
  "The proxy failed while it answered. The log has the details under this request id.": "服务器处理时出错。详情见日志中的此请求 ID。",

  // ---- Who asks
  "The dashboard is off, because other machines can reach this address. Set ADMIN_KEY, e.g. to the output of `openssl rand -hex 24`, to turn it on.":
    "其他机器可以访问此地址，因此控制台已关闭。请设置 ADMIN_KEY（例如 `openssl rand -hex 24` 的输出）后使用。",
  "Sign in at {path}, or send ADMIN_KEY as `Authorization: Bearer <key>`.":
    "请在 {path} 登录，或以 `Authorization: Bearer <key>` 发送 ADMIN_KEY。",
  "Unknown key. Sign in with ADMIN_KEY, or with a client key to see its own usage.":
    "密钥未知。请使用 ADMIN_KEY 登录，或使用客户端密钥查看其自己的用量。",
  "This link has already been used or has expired.": "该链接已被使用，或已过期。",
  "Too many wrong keys from this address. Try again in {count} seconds.": "此地址输错密钥次数过多，请在 {count} 秒后重试。",
  "A client key can see only its own usage: GET {path}, or the page {page}.": "客户端密钥只能查看自己的用量：GET {path}，或页面 {page}。",
  "A change with a session cookie needs the header x-csrf-token. GET /api/admin/me returns its value.":
    "使用会话 cookie 更改时需要请求头 x-csrf-token，其值见 GET /api/admin/me。",
  "{path} accepts {methods}, not {method}.": "{path} 接受 {methods}，不接受 {method}。",
  "There is no path {path}. See {openapi} for all paths.": "没有路径 {path}。全部路径见 {openapi}。",
  "There is no page {path}.": "没有页面 {path}。",
};
