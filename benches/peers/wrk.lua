-- For wrk: so many requests at once as the first argument says, and the totals in one line at the end.
-- Everything is made before the first request is sent: wrk then sends the same bytes over and over,
-- without asking Lua.
function init(arguments)
   local depth = tonumber(arguments[1])
   local one = wrk.format()
   wrk.format = function()
      return one:rep(depth)
   end
end

function done(summary)
   local errors = summary.errors
   io.write(string.format(
      "totals %d %d %d %d %d %d %d %d\n",
      summary.requests, summary.bytes, summary.duration,
      errors.connect, errors.read, errors.write, errors.timeout, errors.status
   ))
end
