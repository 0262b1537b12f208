declare module "zipcodes" {
  const zipcodes: {
    /** By zip (US) or by the first three characters (Canada). */
    readonly codes: Readonly<
      Record<
        string,
        {
          readonly zip: string
          readonly city: string
          readonly state: string
          readonly latitude: number
          readonly longitude: number
          readonly country: string
        }
      >
    >
  }
  export default zipcodes
}
