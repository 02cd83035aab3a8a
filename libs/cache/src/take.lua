local new, wait = {}, 0
for i, key in ipairs(KEYS) do
  local tokens, every = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local emptiest = now + tokens * every
  local full_at = tonumber(redis.call('GET', key) or now)
  new[i] = math.min(math.max(full_at, now), emptiest) + every
  wait = math.max(wait, new[i] - emptiest)
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', new[i]), 'PX', math.ceil((new[i] - now) / 1000))
end
return 0
