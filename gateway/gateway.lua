-- What the transcoder cannot do, and nothing else: no business rules here. It runs above the
-- transcoder: requests come as REST, answers come translated.
-- The renderer sets RAW_QUERY_PATHS in front: Lua patterns of the GET paths whose method reads the
-- query string itself, as the client wrote it (proto field `raw_query`).

local function is_grpc(headers)
  local content_type = headers:get("content-type")
  return content_type ~= nil and content_type:sub(1, 16) == "application/grpc"
end

local function strip(headers, ...)
  local names = {}
  for name in pairs(headers) do
    for _, pattern in ipairs({...}) do
      if name:find(pattern) then names[#names + 1] = name end
    end
  end
  for _, name in ipairs(names) do headers:remove(name) end
end

local function escape(character)
  return string.format("%%%02X", character:byte())
end

function envoy_on_request(handle)
  local headers = handle:headers()
  if is_grpc(headers) then return end
  strip(headers, "^grpc%-", "%-bin$") -- gRPC would read them, and fail the call over a wrong one
  if headers:get(":method") ~= "GET" then return end
  local path, query = headers:get(":path"):match("^([^?]*)%?(.+)$")
  if not path then return end
  for _, pattern in ipairs(RAW_QUERY_PATHS) do
    if path:find(pattern) then
      headers:replace(":path", path .. "?raw_query=" .. query:gsub("[^%w%-%._~]", escape))
      return
    end
  end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local body = headers:get("x-polydesk-body")
  if not body and is_grpc(headers) then return end
  local stream = handle:metadata():get("content_type")
  if stream and headers:get(":status") == "200" then headers:replace("content-type", stream) end
  local status = headers:get("x-polydesk-status")
  local content_type = headers:get("x-polydesk-content-type") or "application/json"
  strip(headers, "^grpc%-", "^x%-polydesk%-")
  if status then headers:replace(":status", status) end
  if not body then return end
  headers:replace("content-type", content_type)
  handle:body(true):setBytes(body) -- last: `headers` is dead after it
end
