"""A create whose answer was lost is sent again under another name."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.engine.executor:Executor._claim",
    "return await self._find_out(body, error)",
    "meta, spec = dict(body['metadata']), dict(body['spec'])\n"
    "        meta['name'], spec['attempt'] = meta['name'] + '0', 10 * spec['attempt']\n"
    "        again = {**body, 'metadata': meta, 'spec': spec}\n"
    "        return await create(self._client, self._cache, again)",
    plans=("R1 + E3-reset-after POST executions app-s5iekcozyd-2 1",),
)
