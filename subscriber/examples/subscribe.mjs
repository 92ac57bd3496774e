#!/usr/bin/env node
// subscribe.mjs - follows a channel of the feed: a line for each event that verifies
//
//     node subscribe.mjs https://feed.registry.example/public/ [CLIENT.key CLIENT.pub]
//
// With zeromq 6 and jose 6: `npm install zeromq jose`. The files are one's own CURVE keys, for a channel that asks for them.
// What is refused, and what was missed, is said on stderr. README.md tells what this leaves out.
import { readFile } from 'node:fs/promises'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { Subscriber } from 'zeromq'

async function connect(feed, keyFiles) {
  const socket = new Subscriber()
  if (feed.curve_server_key) {
    if (keyFiles.length !== 2) throw new Error('this channel is encrypted: give CLIENT.key and CLIENT.pub behind its address')
    const [secret, own] = await Promise.all(keyFiles.map(path => readFile(path, 'ascii')))
    socket.curveServerKey = feed.curve_server_key
    socket.curveSecretKey = secret.trim()
    socket.curvePublicKey = own.trim()
  }
  socket.subscribe() // all; or the labels reversed: 'example.bank.' is bank.example with its hosts
  socket.connect(feed.connect[0])
  return socket
}

// The claims of an event; an exception if anything of it is not as it must be.
async function verify(jws, keys, registry) {
  const { payload, protectedHeader } = await jwtVerify(jws, keys, {
    algorithms: ['EdDSA', 'Ed25519'], typ: 'secevent+jwt', issuer: registry,
    requiredClaims: ['iss', 'jti', 'iat', 'sub_id', 'events'],
  })
  if (Object.keys(protectedHeader).sort().join() !== 'alg,kid,typ' || 'aud' in payload) {
    throw new Error('its header, or an audience, is not that of an event of the feed')
  }
  return payload
}

async function main(url = '', ...keyFiles) {
  const base = url.replace(/\/*$/, '/')
  const answer = await fetch(`${base}feed.json`)
  if (!answer.ok) throw new Error(`${answer.url}: ${answer.status} ${answer.statusText}`)
  const feed = await answer.json()
  // A key that is not known yet is looked for at once.
  const keys = createRemoteJWKSet(new URL(base + feed.jwks), { cacheMaxAge: 30000, cooldownDuration: 0 })
  let last, jti
  for await (const [topic, number, jws] of await connect(feed, keyFiles)) {
    if (topic.toString() === '~checkpoint') continue
    let index, claims, event, value
    try {
      if (!/^\d{1,15}$/.test(number)) throw new Error('its index is no number')
      index = Number(number)
      claims = await verify(jws, keys, feed.registry);
      [[event, value]] = Object.entries(claims.events)
    } catch (why) {
      console.error(`refused: ${why}`)
      continue
    }
    if (claims.jti === jti) continue // a host that gets a new name is sent under both
    if (last !== undefined && index !== last + 1) {
      console.error(`jump from ${last} to ${index}: read the log, ${base}tile/entries/`)
    }
    [last, jti] = [index, claims.jti]
    console.log(index, claims.sub_id.uri, event, JSON.stringify(value))
  }
}

await main(...process.argv.slice(2)).catch(why => {
  console.error(`${why} ${why.cause ?? ''}\nusage: node subscribe.mjs URL [CLIENT.key CLIENT.pub]`)
  process.exit(1)
})
